"""Speed and memory, ours against the straightforward or official way, in one run each."""

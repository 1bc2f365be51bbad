"""Memory that ran out, told in one sentence."""

import sys

_CPU = "DefaultCPUAllocator"
"""What torch's error of full memory on a CPU names, which has no type of its own."""


def full_memory(error: BaseException) -> str | None:
    """Return what to say of an error where memory ran out, None for every other error."""
    torch = sys.modules.get("torch")  # where it was never loaded, its memory is not full
    ran_out = isinstance(error, MemoryError) or _CPU in str(error)
    if not ran_out and (torch is None or not isinstance(error, torch.OutOfMemoryError)):
        return None
    reason = (str(error).strip().splitlines() or ["no memory is left"])[0].rstrip(".")
    return (
        f"Memory ran out ({reason}); close other programs that use the device, choose --precision "
        "balanced or fast where there is one, restore fewer faces at once, or use --device cpu."
    )

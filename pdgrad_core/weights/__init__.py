"""Weight files: what there is (`catalogue`), where it lies (`folders`), `fetch` and `integrity`.

Nothing is downloaded except by `fetch.fetch`, which only the command `pdgrad weights fetch NAME`
and a user's explicit choice in a node reach.
"""

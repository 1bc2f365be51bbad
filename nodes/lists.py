"""The host's lists: a list of photos is several runs, a list of references belongs to each of them.

Left to itself the host runs a node once for every element of any list: three references would be
three restorations. A node with `is_input_list` is handed whole lists and decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from comfy_api.latest import io
from torch import Tensor


def run_per_element(*shared: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for the `execute` of a node with `is_input_list` and listed outputs.

    The host's rule stays for every other input: element i of each list, the last one of a shorter.
    Called with plain values, `execute` is what it was.

    Args:
        *shared: Inputs whose whole list every run is given.
    """

    def decorate(execute: Callable[..., io.NodeOutput]) -> Callable[..., io.NodeOutput]:
        @wraps(execute)
        def run(cls: Any, **values: Any) -> io.NodeOutput:
            if not all(isinstance(value, list) for value in values.values()):
                return execute(cls, **values)
            own = {name: value for name, value in values.items() if name not in shared}
            whole = {name: value for name, value in values.items() if name in shared}
            return _gathered([execute(cls, **one, **whole) for one in elements(own)])

        return run

    return decorate


def elements(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values of each run that the host would make of lists; of plain values, one."""
    lists = {n: v if isinstance(v, list | tuple) else [v] for n, v in values.items()}
    count = max((len(value) for value in lists.values()), default=1)
    return [
        {name: value[min(i, len(value) - 1)] if value else None for name, value in lists.items()}
        for i in range(count)
    ]


def separate_pictures(images: Tensor | Sequence[Tensor | None] | None) -> list[Tensor]:
    """Return pictures one by one: of a batch, or of a list of batches of several sizes.

    Args:
        images: `(B, H, W, C)`, several of them, or None.

    Returns:
        Each `(1, H, W, C)`.
    """
    if images is None:
        return []
    batches = [images] if isinstance(images, Tensor) else images
    return [one for batch in batches if batch is not None for one in _split(batch)]


def _split(batch: Tensor) -> list[Tensor]:
    # An empty batch stays: whoever looks at the pictures refuses it by name.
    return list(batch.split(1)) if batch.shape[0] else [batch]


def _gathered(runs: Sequence[io.NodeOutput]) -> io.NodeOutput:
    """Return the outputs of several runs as lists, and what each shows, one after the other."""
    shown: dict[str, list[Any]] = {}
    for run in runs:
        found: Any = run.ui or {}
        for name, value in found.items():
            shown.setdefault(name, []).extend(value)
    columns = zip(*(run.args for run in runs), strict=True)
    return io.NodeOutput(*(list(column) for column in columns), ui=shown or None)

"""What a GPU did for one step: how many kernels, for how long, and which took longest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

LONGEST = 12
"""Kernels that are named, by the time that all their launches took."""


@dataclass(frozen=True)
class Span:
    """One piece of work on the device.

    Attributes:
        name: Of the kernel or the copy.
        began: Seconds.
        ended: Seconds.
    """

    name: str
    began: float
    ended: float


def kernels_of(step: Callable[[], object], device: torch.device) -> dict[str, Any] | None:
    """Return what a CUDA device did for a step, by torch's profiler; None for other devices.

    Args:
        step: Takes one step; called twice, since the profiler's own start is in the first.
        device: Where it runs.

    Returns:
        See `summarised`; where nothing could be recorded, one `error` instead.
    """
    if device.type != "cuda":
        return None
    try:
        recorded(step, device)
        spans = recorded(step, device)
    except RuntimeError as error:  # a driver may refuse to be watched
        return {"error": (str(error).strip().splitlines() or [type(error).__name__])[0]}
    return summarised(spans) if spans else {"error": "the profiler saw no kernel"}


def recorded(step: Callable[[], object], device: torch.device) -> list[Span]:
    """Return all that the device did for a step."""
    profiler: Any = torch.profiler
    torch.cuda.synchronize(device)
    with profiler.profile(activities=[profiler.ProfilerActivity.CUDA]) as watching:
        step()
        torch.cuda.synchronize(device)
    return [
        Span(event.name, event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in watching.events()
        if event.device_type.name == "CUDA" and not _is_a_mark(event.name)
    ]


def summarised(spans: Sequence[Span], longest: int = LONGEST) -> dict[str, Any]:
    """Return what the device did, in numbers.

    Args:
        spans: At least one; they may overlap.
        longest: Kernels that are named.

    Returns:
        `kernels` and `copies`, how many there were; `busy_seconds`, in which at least one ran; and
        as `longest` the name, the launches and the seconds of the kernels that took most.
    """
    copies = sum(_is_a_copy(span.name) for span in spans)
    by_name: dict[str, list[float]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span.ended - span.began)
    ordered = sorted(by_name.items(), key=lambda item: -sum(item[1]))
    return {
        "kernels": len(spans) - copies,
        "copies": copies,
        "busy_seconds": busy_seconds(spans),
        "longest": [
            {"name": name, "launches": len(taken), "seconds": sum(taken)}
            for name, taken in ordered[:longest]
        ],
    }


def busy_seconds(spans: Sequence[Span]) -> float:
    """Return for how long at least one of the spans went on."""
    total, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda one: one.began):
        total += max(0.0, span.ended - max(span.began, until))
        until = max(until, span.ended)
    return total


def _is_a_copy(name: str) -> bool:
    return name.startswith(("Memcpy", "Memset"))


def _is_a_mark(name: str) -> bool:
    """Return whether this is a note of torch's own on the device's time line, and no work."""
    return name.startswith(("##", "ProfilerStep"))

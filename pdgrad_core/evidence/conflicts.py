"""How often the gradients of a surgery oppose each other, step by step, and what k does then."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..diffusion.sampler import Record

LEVELS = ("low", "high")

FULL = 0.999
"""A k below this shortens the projected gradient."""


def summarise(traces: Sequence[Sequence[Record]]) -> list[dict[str, Any]]:
    """Return one row per step, averaged over all images; none for a guidance without surgery.

    Args:
        traces: The trace of each batch.

    Returns:
        Rows with "t", "shift_fraction" and, for each level: "conflict", the share of images whose
        gradients oppose; "cosine", their mean; "k", its mean where they oppose; "shortened", the
        share of those where k is below 1; "pivot_over_other" and, for "low", "over_high": geometric
        means of the ratios of norms (after surgery for the last).
    """
    if not traces or f"{LEVELS[0]}.cosine" not in traces[0][0]:
        return []
    rows: list[dict[str, Any]] = []
    for step, first in enumerate(traces[0]):
        joined = {
            name: torch.cat([torch.as_tensor(trace[step][name]).double().cpu() for trace in traces])
            for name, value in first.items()
            if isinstance(value, Tensor)
        }
        row: dict[str, Any] = {"t": first["t"]}
        row["shift_fraction"] = float((joined["shift_norm"] / joined["step_norm"]).mean())
        for level in LEVELS:
            row.update(_of_level(joined, level))
        row["low.over_high"] = _geometric_mean(joined["low.norm"], joined["high.norm"])
        rows.append(row)
    return rows


def _of_level(joined: dict[str, Tensor], level: str) -> dict[str, Any]:
    conflict = joined[f"{level}.conflict"] > 0
    k = joined[f"{level}.k"][conflict]
    return {
        f"{level}.conflict": float(conflict.double().mean()),
        f"{level}.cosine": float(joined[f"{level}.cosine"].mean()),
        f"{level}.k": float(k.mean()) if len(k) else None,
        f"{level}.shortened": float((k < FULL).double().mean()) if len(k) else None,
        f"{level}.pivot_over_other": _geometric_mean(
            joined[f"{level}.pivot_norm"], joined[f"{level}.other_norm"]
        ),
    }


def _geometric_mean(above: Tensor, below: Tensor) -> float:
    tiny = torch.finfo(torch.float64).tiny
    return float((above.clamp_min(tiny).log() - below.clamp_min(tiny).log()).mean().exp())

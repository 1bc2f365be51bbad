"""What a restoration gives back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .diffusion.records import Record
from .recipes import Recipe
from .sequences import join_traces

__all__ = ["Restoration", "joined"]


@dataclass(frozen=True)
class Restoration:
    """A finished restoration of aligned faces.

    Attributes:
        image: The result, `(B, 3, H, W)` in [-1, 1].
        coarse: y_c, the same shape; for a restorer that depends on x_t, its first answer.
        trace: One row per step; see `SampleResult`. Empty where nothing was sampled.
        settings: The recipe, with every value filled in.
        seed: Of the first face.
        seconds: Time of "coarse" (fits before sampling included), "prepare", "sampling".
        fit_losses: Each image's loss curve of a recipe that fits networks; empty for others.
        notes: A sentence for what was computed otherwise than asked; see `SampleResult`.
    """

    image: Tensor
    coarse: Tensor
    trace: list[Record]
    settings: Recipe
    seed: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    fit_losses: list[list[float]] = field(default_factory=list[list[float]])
    notes: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return recipe, parameters and seed as a JSON-ready dictionary."""
        values = self.settings.values()
        if self.settings.respacing and "steps" in values:
            values["steps"] = len(self.trace)
        return {"recipe": self.settings.name, **values, "seed": self.seed}


def joined(parts: Sequence[Restoration]) -> Restoration:
    """Return one restoration of several that were run one after the other, their faces in a row.

    Args:
        parts: At least one, of the same recipe.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    return replace(
        first,
        image=torch.cat([one.image for one in parts]),
        coarse=torch.cat([one.coarse for one in parts]),
        trace=join_traces([one.trace for one in parts]),
        seconds={name: sum(one.seconds[name] for one in parts) for name in first.seconds},
        fit_losses=[curve for one in parts for curve in one.fit_losses],
        notes=tuple(dict.fromkeys(note for one in parts for note in one.notes)),
    )

"""What a restoration gives back."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .diffusion.records import Record
from .recipes import Recipe

__all__ = ["Restoration"]


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

"""PGDiff's dynamic strength, on the drawn sample: a fixed fraction of each step's length."""

import math

import torch
from torch import Tensor

from ...combiners.base import power_of_two
from ...errors import InvalidInputError
from .base import STRENGTHS, Scope, StrengthRule


@STRENGTHS.register("dynamic")
class Dynamic(StrengthRule):
    """Shift the sample by a fixed fraction of the step: x_{t-1} - s |x_t - x_{t-1}| / |g| g.

    The length does not depend on the loss's scale.

    Source: PGDiff, eq. 8.

    Deviations: norms are per image (the official code takes them over the batch); a zero gradient
    means no shift (there it gives NaN).

    Args:
        s: The fraction.
        scope: "image" for one length per image, "channel" for one per colour channel, as PGDiff's
            colorization and old-photo restoration do.
    """

    def __init__(self, s: float = 0.2, scope: Scope = "image") -> None:
        super().__init__(s)
        if scope not in ("image", "channel"):
            raise InvalidInputError(f'The scope must be "image" or "channel", not {scope!r}.')
        self.dims = (1, 2, 3) if scope == "image" else (2, 3)

    def on_sample(self, x_prev: Tensor, x_t: Tensor, g: Tensor) -> Tensor:
        """Return the shifted sample; see `StrengthRule`."""
        step = (x_t - x_prev).square().sum(self.dims, keepdim=True).sqrt()
        scaled = g / power_of_two(g.abs().amax(self.dims, keepdim=True))
        norm = scaled.square().sum(self.dims, keepdim=True).sqrt()
        unit = scaled / torch.where(norm > 0, norm, math.inf)
        return x_prev - self.s * step * unit

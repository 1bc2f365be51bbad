"""How far a guidance gradient moves the step: on the mean, or on the drawn sample."""

import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from ..combiners.base import power_of_two
from ..errors import InvalidInputError
from ..parameters import Param, check_parameters
from ..registry import Registry

STRENGTHS: "Registry[StrengthRule]" = Registry("strength mode")

Scope = Literal["image", "channel"]
"""Whether a step's length is set for the whole image or for each colour channel."""


class StrengthRule:
    """A strength s and the place where it acts; both places default to leaving things alone.

    Args:
        s: The strength, 0 or more.

    Raises:
        InvalidInputError: s is negative, NaN or infinite.
    """

    def __init__(
        self,
        s: Annotated[
            float, Param(0.0, 1e9, 0.01, tooltip="How strongly the guidance pulls each step.")
        ] = 0.1,
    ) -> None:
        check_parameters(StrengthRule, {"s": s})
        self.s = s

    def on_mean(self, mean: Tensor, variance: Tensor | float, g: Tensor) -> Tensor:  # noqa: ARG002
        """Return the guided mean `(B, C, H, W)`."""
        return mean

    def on_sample(self, x_prev: Tensor, x_t: Tensor, g: Tensor) -> Tensor:  # noqa: ARG002
        """Return the guided sample `(B, C, H, W)`."""
        return x_prev


@STRENGTHS.register("constant")
class Constant(StrengthRule):
    """Shift the mean: x_{t-1} ~ N(mu - s Sigma g, Sigma).

    Source: PDGrad, the guided step; Dhariwal & Nichol 2021, algorithm 1.
    """

    def on_mean(self, mean: Tensor, variance: Tensor | float, g: Tensor) -> Tensor:
        """Return mean - s Sigma g; see `StrengthRule`."""
        return mean - self.s * variance * g


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


def make_strength(mode: str, s: float, scope: Scope = "image") -> StrengthRule:
    """Return a strength rule by name.

    Args:
        mode: Key in `STRENGTHS`.
        s: The strength, 0 or more.
        scope: Of a dynamic strength; a constant one has none.

    Raises:
        UnknownNameError: There is no such mode.
        InvalidInputError: s or the scope is out of range.
    """
    member = STRENGTHS[mode]
    return Dynamic(s, scope) if member is Dynamic else member(s)

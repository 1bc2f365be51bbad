"""A constant strength, on the mean: the equation of PDGrad and of classifier guidance."""

from torch import Tensor

from .base import STRENGTHS, StrengthRule


@STRENGTHS.register("constant")
class Constant(StrengthRule):
    """Shift the mean: x_{t-1} ~ N(mu - s Sigma g, Sigma).

    Source: PDGrad, the guided step; Dhariwal & Nichol 2021, algorithm 1.
    """

    def on_mean(self, mean: Tensor, variance: Tensor | float, g: Tensor) -> Tensor:
        """Return mean - s Sigma g; see `StrengthRule`."""
        return mean - self.s * variance * g

"""Guidance and strength rules small enough to be checked by eye, for tests of the loop alone."""

from torch import Tensor

from pdgrad_core.diffusion.sampler import Guided


class OnMean:
    """mean - s * Sigma * g."""

    def __init__(self, s: float):
        self.s = s

    def on_mean(self, mean: Tensor, variance, g: Tensor) -> Tensor:
        return mean - self.s * variance * g

    def on_sample(self, x_prev: Tensor, x_t: Tensor, g: Tensor) -> Tensor:
        return x_prev


def towards(target: Tensor, weight: float = 1.0):
    """Guidance of the loss weight * sum (x0hat - target)^2."""

    def guidance(x0hat: Tensor, context) -> Guided:
        return Guided(2 * weight * (x0hat - target))

    return guidance

"""LPIPS: learned perceptual distance."""

from collections.abc import Callable

from torch import Tensor

from .base import METRICS, Metric


@METRICS.register("lpips")
class LPIPS(Metric):
    """Perceptual distance by a network's features; the network is the caller's.

    Source: Zhang et al. 2018.
    Deviations: none of its own; figures compare only where the network (VGG or AlexNet) is the
        same, and a network that guided a restoration must not score it.

    Args:
        distance: `(image, image) -> (B,)` for images `(B, 3, H, W)` in [-1, 1].
    """

    label = "LPIPS"
    higher_is_better = False
    needs = "distance"

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.distance = distance

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        return self.distance(result, truth).reshape(result.shape[0])


@METRICS.register("lpips_alex")
class LPIPSAlex(LPIPS):
    """Perceptual distance by AlexNet's features, which guide no restoration here.

    Source: Zhang et al. 2018, version 0.1.
    Deviations: none of its own.

    Args:
        distance: `(image, image) -> (B,)` for images `(B, 3, H, W)` in [-1, 1].
    """

    label = "LPIPS (Alex)"
    needs = "alex_distance"

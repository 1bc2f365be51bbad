"""LMD: how far the landmarks of two faces lie apart."""

from collections.abc import Callable

from torch import Tensor

from .base import METRICS, Metric


@METRICS.register("lmd")
class LMD(Metric):
    """Mean distance between the landmarks of result and truth, in pixels of the aligned face.

    Source: Gu et al., VQFR (2022), and the papers after it: 98 landmarks by AWing.
    Deviations: none of its own; figures compare only between faces of one size.

    Args:
        landmarks: `image -> (B, N, 2)` in pixels, for images `(B, 3, H, W)` in [-1, 1].

    Example:
        >>> import torch
        >>> black, white = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
        >>> LMD(lambda image: image[:, :2, :1, 0].mT)(black, white)
        tensor([1.4142])
    """

    label = "LMD"
    unit = "px"
    higher_is_better = False
    needs = "landmarks"
    digits = 2

    def __init__(self, landmarks: Callable[[Tensor], Tensor]) -> None:
        self.landmarks = landmarks

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        apart = self.landmarks(result) - self.landmarks(truth)
        return apart.norm(dim=2).mean(1)

"""SSIM: structural similarity."""

from torch import Tensor

from ..dependencies import require
from .base import METRICS, Metric


@METRICS.register("ssim")
class SSIM(Metric):
    """Mean structural similarity over RGB: 11-pixel Gaussian window of width 1.5, K1 0.01, K2 0.03.

    Source: Wang et al. 2004, through torchmetrics.
    Deviations: each colour channel is compared by itself and the mean taken. Images are mapped to
        [0, 1] first, because the luminance term is not indifferent to an offset.

    Example:
        >>> import torch
        >>> SSIM()(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16))
        tensor([1.])
    """

    label = "SSIM"
    higher_is_better = True

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        functional = require("torchmetrics.functional.image", "torchmetrics", "SSIM")
        values: Tensor = functional.structural_similarity_index_measure(
            (result + 1) / 2, (truth + 1) / 2, data_range=1.0, reduction="none"
        )
        return values.reshape(result.shape[0])

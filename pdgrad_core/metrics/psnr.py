"""PSNR: peak signal-to-noise ratio."""

from torch import Tensor

from ..dependencies import require
from .base import METRICS, Metric


@METRICS.register("psnr")
class PSNR(Metric):
    """Ratio of the range to the root mean squared error over all RGB values, in decibels.

    Source: 20 log10(2 / RMSE) for images in [-1, 1], the same number as 20 log10(255 / RMSE) in
        8-bit steps.
    Deviations: none; images are not rounded to 8 bits, and equal images give infinity.

    Example:
        >>> import torch
        >>> PSNR()(torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.2))
        tensor([20.])
    """

    label = "PSNR"
    unit = "dB"
    higher_is_better = True
    digits = 2

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        functional = require("torchmetrics.functional.image", "torchmetrics", "PSNR")
        return functional.peak_signal_noise_ratio(
            result, truth, data_range=2.0, reduction="none", dim=(1, 2, 3)
        )

"""No restoration: the degraded image itself, enlarged where asked."""

from typing import Annotated

from torch import Tensor

from ..images import resize
from ..parameters import Param
from .base import RESTORERS, Restorer


@RESTORERS.register("none")
class NoRestorer(Restorer):
    """Gives the degraded image back, enlarged bicubically if it is smaller than `output_px`.

    Source: the bicubic rows of the papers' tables.
    Deviations: none.

    Args:
        output_px: Shorter side that the result has at least, pixels; 0 keeps every size.

    Example:
        >>> import torch
        >>> NoRestorer(output_px=64)(torch.zeros(1, 3, 16, 32)).shape
        torch.Size([1, 3, 64, 128])
    """

    name = "none"
    needs_weights = False

    def __init__(
        self,
        output_px: Annotated[
            int, Param(0, 4096, 1, "px", "Enlarge smaller images to this side; 0 keeps the size.")
        ] = 0,
    ) -> None:
        self.output_px = output_px

    def _restore(self, degraded: Tensor, _x_t: Tensor | None, _t: Tensor | None, /) -> Tensor:
        height, width = degraded.shape[-2:]
        shorter = min(height, width)
        if self.output_px <= shorter:
            return degraded
        factor = self.output_px / shorter
        return resize(degraded, round(height * factor), round(width * factor), "bicubic")

"""The asymmetric codec: from a degraded face to a latent code and a clean feature map per scale."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from .layers import ScaledConv
from .resampling import Double, convolution


class DecoderScale(nn.Module):
    """Doubles the scale below, adds the encoder's features and convolves them.

    Args:
        below: Channels of the scale below.
        width: Channels of this scale and of the encoder's.
    """

    def __init__(self, below: int, width: int) -> None:
        super().__init__()
        self.narrow = ScaledConv(below, width, 1)
        self.upsample = Double()
        self.conv = convolution(width, width, 3)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """`(B, below, H/2, W/2)`, `(B, width, H, W)` -> `(B, width, H, W)`."""
        return self.conv((self.upsample(self.narrow(below)) + skip) / math.sqrt(2))


class Decoder(nn.Module):
    """Cleans the encoder's features, from the coarsest scale to the finest.

    Source: Hu et al. 2022 section 3.1: features per scale that enter the noise branches, each
        supervised through a picture.
    Deviations: the paper does not show its layers. One convolution per scale like the encoder's,
        without MMRBs; the encoder's features join by addition, before the convolution, so that
        nothing reaches the generator uncleaned; the pictures come from 1x1 convolutions, as in
        GFPGAN, whose loss it takes over.

    Args:
        widths: Channels at 4 pixels and after each doubling.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.enter = convolution(widths[0], widths[0], 3)
        self.scales = nn.ModuleList(DecoderScale(a, b) for a, b in pairwise(widths))
        self.to_rgb = nn.ModuleList(nn.Conv2d(width, 3, 1) for width in widths)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the cleaned features, the coarsest scale first, as they are given.

        Args:
            features: The encoder's, `(B, widths[i], 4 * 2**i, 4 * 2**i)` each.
        """
        cleaned = [self.enter(features[0])]
        for scale, skip in zip(self.scales, features[1:], strict=True):
            cleaned.append(scale(cleaned[-1], skip))
        return cleaned

    def pictures(self, cleaned: Sequence[Tensor]) -> list[Tensor]:
        """Return what each scale shows, `(B, 3, 4 * 2**i, 4 * 2**i)`, the coarsest first."""
        return [to_rgb(h) for to_rgb, h in zip(self.to_rgb, cleaned, strict=True)]

"""StyleGAN2's discriminator, under the key names of GPEN's: it tells photographs from inventions.

Source: Karras et al. 2020 (residual discriminator, equalised learning rate); layout of GPEN's
published `GPEN-BFR-512-D.pth`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .layers import ScaledLinear
from .resampling import convolution, halving


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a 1x1 shortcut, both halving the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, inputs, 3)
        self.conv2 = convolution(inputs, outputs, 3, halve=True)
        self.skip = nn.Sequential(*halving(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` -> `(B, outputs, H/2, W/2)`."""
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)


class StyleGANDiscriminator(nn.Module):
    """Scores images: above 0 where they look like photographs.

    Args:
        widths: Channels after the first layer and after each halving; the image's side is 4 pixels
            times 2 for each halving.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.image_size = 4 * 2 ** (len(widths) - 1)
        blocks = [DiscriminatorBlock(a, b) for a, b in pairwise(widths)]
        self.convs = nn.Sequential(convolution(3, widths[0], 1), *blocks)
        last = widths[-1]
        self.final_conv = convolution(last + 1, last, 3)
        self.final_linear = nn.Sequential(
            ScaledLinear(last * 16, last, activate=True), ScaledLinear(last, 1, activate=False)
        )

    def forward(self, image: Tensor, jointly: bool = False) -> Tensor:
        """Return scores `(B, 1)`.

        Args:
            image: `(B, 3, S, S)` in [-1, 1].
            jointly: Let the spread of features over the batch count, as in training; otherwise each
                image is judged alone.
        """
        h = self.convs(image)
        variance = h.var(0, correction=0, keepdim=True) if jointly else torch.zeros_like(h[:1])
        spread = (variance + 1e-8).sqrt().mean().expand(h.shape[0], 1, *h.shape[2:])
        h = self.final_conv(torch.cat([h, spread], 1))
        return self.final_linear(h.flatten(1))

"""The mixed multi-path residual block, which looks for weak texture at two scales at once."""

import torch
from torch import Tensor, nn

from ..errors import InvalidInputError


class MMRB(nn.Module):
    """Two halves of the channels through kernels of 3 and 5, mixed, again, and added.

    Source: Hu et al., Enhancing quality of pose-varied face restoration with local weak feature
        sensing and GAN prior (2022), eqs. 4-10.
    Deviations: none that the paper would show. It leaves open whether the PReLUs have a slope for
        each channel (here they have, as in He et al. 2015, which it cites), whether the
        convolutions of eqs. 5 and 7 share weights (they cannot: their widths differ), and how it
        begins: here the last convolution is zero, so that a new block changes nothing.

    Args:
        channels: Channels that come in and go out; even.

    Raises:
        InvalidInputError: The number of channels is odd.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise InvalidInputError(
                f"An MMRB splits its channels in halves, so their number must be even, "
                f"not {channels}."
            )
        half = channels // 2
        self.fine = _convolution(half, half, 3)
        self.coarse = _convolution(half, half, 5)
        self.mixed_fine = _convolution(channels, half, 3)
        self.mixed_coarse = _convolution(channels, half, 5)
        self.fuse = _convolution(channels, channels, 1)
        for parameter in self.fuse[0].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, H, W)` -> the same shape."""
        x1, x2 = x.chunk(2, 1)  # eq. 4
        both = torch.cat([self.fine(x1), self.coarse(x2)], 1)  # eqs. 5, 6
        both = torch.cat([self.mixed_fine(both), self.mixed_coarse(both)], 1)  # eqs. 7, 8
        return x + self.fuse(both)  # eqs. 9, 10


def _convolution(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.PReLU(outputs))

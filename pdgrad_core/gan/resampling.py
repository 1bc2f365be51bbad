"""Halving and doubling of pictures behind StyleGAN2's fixed low-pass, (1, 3, 3, 1) both ways.

The filter is a buffer because GPEN's files hold it; what a file holds is what is used.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import GAIN, BiasedLeakyReLU, ScaledConv, leaky_in_place


def blur_kernel(gain: float = 1.0) -> Tensor:
    """Return the filter, `(4, 4)`, its sum the gain."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) * (gain / 64)


class Blur(nn.Module):
    """Low-passes every channel.

    Args:
        padding: Zeros on every side.
        gain: Sum of the filter: 4 where zeros were put between the pixels.
    """

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.kernel: Tensor
        self.register_buffer("kernel", blur_kernel(gain))
        self.padding = padding

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """`(B, C, H, W)`, a bias `(C,)` -> `(B, C, H + 2p - 3, W + 2p - 3)`."""
        channels = x.shape[1]
        filters = self.kernel.flip(0, 1).expand(channels, 1, -1, -1)
        return F.conv2d(x, filters, bias, padding=self.padding, groups=channels)


class Double(nn.Module):
    """Doubles the sides: zeros between the pixels, then the low-pass."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel: Tensor
        self.register_buffer("kernel", blur_kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` -> `(B, C, 2H, 2W)`."""
        channels = x.shape[1]
        filters = self.kernel.expand(channels, 1, -1, -1)
        return F.conv_transpose2d(x, filters, stride=2, padding=1, groups=channels)


def spread_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Return the transposed convolution of stride 2, as four convolutions of what meets no zero.

    On a CPU those take two thirds of its time.

    Args:
        x: `(B, C, H, W)`.
        weight: `(D, C, 3, 3)`.

    Returns:
        `(B, D, 2H + 1, 2W + 1)`.
    """
    batch, _, height, width = x.shape
    found = x.new_empty(batch, len(weight), 2 * height + 1, 2 * width + 1)
    flipped = weight.flip(2, 3)
    # An even row lies between two rows of x and meets the outer taps; an odd one lies on a row.
    taps = (slice(None, None, 2), slice(1, 2))
    for i, rows in enumerate(taps):
        for j, columns in enumerate(taps):
            part = F.conv2d(x, flipped[:, :, rows, columns], padding=(1 - i, 1 - j))
            found[:, :, i::2, j::2] = part
    return found


def halving(inputs: int, outputs: int, size: int) -> list[nn.Module]:
    """Return the layers that low-pass and convolve with stride 2, without an activation.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Side of the kernel, 1 or 3.
    """
    return [Blur((size + 1) // 2), ScaledConv(inputs, outputs, size, stride=2)]


class ActivatedConv(nn.Sequential):
    """Layers, the last two a scaled convolution and its biased leaky ReLU, computed as one.

    The result is that of the layers as they stand, with one pass over it instead of three.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` -> what the last layer gives."""
        *before, scaled, activation = self
        for layer in before:
            x = layer(x)
        return leaky_in_place(scaled(x, activation.bias, GAIN))


def convolution(inputs: int, outputs: int, size: int, halve: bool = False) -> ActivatedConv:
    """Return a convolution with bias and leaky ReLU, of the same size or half of it.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Side of the kernel, 1 or 3.
        halve: Whether the picture is low-passed and halved on the way.
    """
    plain: list[nn.Module] = [ScaledConv(inputs, outputs, size, padding=size // 2)]
    layers = halving(inputs, outputs, size) if halve else plain
    return ActivatedConv(*layers, BiasedLeakyReLU(outputs))

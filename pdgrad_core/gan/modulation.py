"""Convolutions that a style modulates, with a feature map beside each as its "noise".

Source: Karras et al. 2020; the noise concatenated instead of added: Yang et al. 2021 (GPEN).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..devices import at_least_float32
from .layers import BiasedLeakyReLU, ScaledLinear
from .resampling import Blur, Double


class ModulatedConv(nn.Module):
    """A convolution whose input channels a style scales, its outputs brought back to unit variance.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Side of the kernel.
        style_width: Numbers in a style.
        demodulate: Whether the outputs are brought back to unit variance.
        double: Whether the sides are doubled on the way.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        style_width: int,
        demodulate: bool = True,
        double: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = ScaledLinear(style_width, inputs, activate=False, bias=1.0)
        self.blur = Blur(1, gain=4.0) if double else None
        self.demodulate = demodulate
        self.scale = 1 / math.sqrt(inputs * size**2)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`(B, inputs, H, W)`, `(B, style_width)` -> `(B, outputs, H, W)`, or twice the sides."""
        factors = self.modulation(style)
        weight = self.weight[0]
        x = x * (factors * self.scale)[:, :, None, None]
        if self.blur is None:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        else:
            x = self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        return x * self._unit_variance(factors)[:, :, None, None] if self.demodulate else x

    def _unit_variance(self, factors: Tensor) -> Tensor:
        """Return what brings each output channel to unit variance, `(B, outputs)`."""
        power = at_least_float32(self.weight[0]).square().sum((2, 3))
        variance = self.scale**2 * F.linear(at_least_float32(factors).square(), power)
        return (variance + 1e-8).rsqrt().to(factors.dtype)


class NoiseBranch(nn.Module):
    """Puts a feature map beside the picture's channels, times one learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """`(B, C, H, W)` twice -> `(B, 2C, H, W)`."""
        return torch.cat([x, self.weight * noise], 1)


class StyledConv(nn.Module):
    """A style block: modulated convolution, noise branch, bias and leaky ReLU.

    Args:
        inputs: Channels that come in.
        outputs: Channels of the convolution and of the noise; twice as many go out.
        style_width: Numbers in a style.
        double: Whether the sides are doubled on the way.
    """

    def __init__(self, inputs: int, outputs: int, style_width: int, double: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, style_width, double=double)
        self.noise = NoiseBranch()
        self.activate = BiasedLeakyReLU(2 * outputs)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """`(B, inputs, H, W)`, style, noise `(B, outputs, H', W')` -> `(B, 2 outputs, H', W')`."""
        return self.activate(self.noise(self.conv(x, style), noise))


class ToRGB(nn.Module):
    """Adds what a scale has to say to the picture of the scales below.

    Args:
        inputs: Channels that come in.
        style_width: Numbers in a style.
        first: Whether there is no scale below.
    """

    def __init__(self, inputs: int, style_width: int, first: bool = False) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.upsample = None if first else Double()
        self.conv = ModulatedConv(inputs, 3, 1, style_width, demodulate=False)

    def forward(self, x: Tensor, style: Tensor, below: Tensor | None = None) -> Tensor:
        """`(B, inputs, H, W)`, `(B, style_width)`, `(B, 3, H/2, W/2)` -> `(B, 3, H, W)`."""
        picture = self.conv(x, style) + self.bias
        if self.upsample is None or below is None:
            return picture
        return picture + self.upsample(below)

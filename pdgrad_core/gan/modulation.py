"""Convolutions that a style modulates, with a feature map beside each as its "noise".

Source: Karras et al. 2020; the noise concatenated instead of added: Yang et al. 2021 (GPEN).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..devices import at_least_float32
from .layers import GAIN, BiasedLeakyReLU, ScaledLinear, leaky_in_place
from .resampling import Blur, Double, spread_convolution


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

    def forward(
        self, x: Tensor, style: Tensor, bias: Tensor | None = None, gain: float = 1.0
    ) -> Tensor:
        """Convolve.

        Args:
            x: `(B, inputs, H, W)`.
            style: `(B, style_width)`.
            bias: Added, `(outputs,)`.
            gain: Factor on a demodulated convolution, not on the bias.

        Returns:
            `(B, outputs, H, W)`, or twice the sides.
        """
        before = self.modulation(style) * self.scale
        after = self._unit_variance(before) * gain if self.demodulate else None
        if len(x) == 1:
            # One face has one set of weights: scaling them touches fewer numbers than scaling
            # what goes in and comes out.
            factors = before if after is None else after[0, :, None] * before
            return self._convolve(x, self.weight[0] * factors[:, :, None, None], bias)
        h = self._convolve(x * before[:, :, None, None], self.weight[0], None)
        if after is not None:
            h = h * after[:, :, None, None]
        return h if bias is None else h + bias[:, None, None]

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.blur is None:
            return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if x.device.type == "cpu" and not torch.is_grad_enabled():
            return self.blur(spread_convolution(x, weight), bias)
        return self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), bias)

    def _unit_variance(self, factors: Tensor) -> Tensor:
        """Return what brings each output channel to unit variance, `(B, outputs)`."""
        power = at_least_float32(self.weight[0]).square().sum((2, 3))
        variance = F.linear(at_least_float32(factors).square(), power)
        return (variance + 1e-8).rsqrt().to(factors.dtype)


class NoiseBranch(nn.Module):
    """Puts a feature map beside the picture's channels, times one learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor, bias: Tensor, gain: float) -> Tensor:
        """Return both, the noise with a bias.

        Args:
            x: `(B, C, H, W)`.
            noise: The same shape.
            bias: Added to the noise, `(C,)`.
            gain: Factor on the noise, not on the bias.

        Returns:
            `(B, 2C, H, W)`.
        """
        return torch.cat([x, torch.addcmul(bias[:, None, None], noise, self.weight * gain)], 1)


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
        own, beside = (self.activate.bias * GAIN).chunk(2)
        h = self.conv(x, style, own, GAIN)
        return leaky_in_place(self.noise(h, noise, beside, GAIN))


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
        picture = self.conv(x, style, self.bias.flatten())
        if self.upsample is None or below is None:
            return picture
        return picture + self.upsample(below)

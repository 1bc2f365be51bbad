"""Layers whose weights are stored at unit variance and scaled as they are used.

Source: Karras et al. 2018 (equalised learning rate) and 2020 (StyleGAN2), under the state-dict
names of GPEN's code.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2


GAIN = math.sqrt(2)
"""Factor that keeps the variance where negative values are cut."""


def leaky(x: Tensor) -> Tensor:
    """Cut negative values to a fifth and keep the variance."""
    return F.leaky_relu(x, SLOPE) * GAIN


def leaky_in_place(x: Tensor) -> Tensor:
    """Cut negative values of a tensor that is nobody else's, and that was made `GAIN` larger.

    A factor above 0 goes through the leaky ReLU unchanged, so the layer before can take it over,
    where it costs nothing.
    """
    return F.leaky_relu_(x, SLOPE)


class ScaledConv(nn.Module):
    """A convolution without bias.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Side of the kernel.
        stride: Step of the kernel.
        padding: Zeros on every side.
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.scale = 1 / math.sqrt(inputs * size**2)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor, bias: Tensor | None = None, gain: float = 1.0) -> Tensor:
        """Convolve.

        Args:
            x: `(B, inputs, H, W)`.
            bias: Added, `(outputs,)`.
            gain: Factor on all of it.

        Returns:
            `(B, outputs, H', W')`.
        """
        added = None if bias is None else bias * gain
        weight = self.weight * (self.scale * gain)
        return F.conv2d(x, weight, added, stride=self.stride, padding=self.padding)


class ScaledLinear(nn.Module):
    """A linear layer of the same kind.

    Args:
        inputs: Numbers that come in.
        outputs: Numbers that go out.
        activate: Whether a leaky ReLU follows.
        bias: What the bias begins with.
        rate: Factor on the learning rate: weights are stored divided by it.
    """

    def __init__(
        self, inputs: int, outputs: int, activate: bool, bias: float = 0.0, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.scale = rate / math.sqrt(inputs)
        self.rate = rate
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs)` -> `(B, outputs)`."""
        bias = self.bias if self.rate == 1 else self.bias * self.rate
        h = F.linear(x, self.weight * self.scale, bias)
        return leaky(h) if self.activate else h


class BiasedLeakyReLU(nn.Module):
    """Adds a bias, cuts negative values to a fifth, keeps the variance."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, H, W)` -> the same shape."""
        return leaky(x + self.bias[:, None, None])


class PixelNorm(nn.Module):
    """Brings every image's code to unit mean square."""

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N)` -> the same shape."""
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()

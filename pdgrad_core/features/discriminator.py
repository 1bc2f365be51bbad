"""StyleGAN2's discriminator, under the key names of GPEN's: it tells photographs from inventions.

Source: Karras et al. 2020 (residual discriminator, equalised learning rate); layout of GPEN's
published `GPEN-BFR-512-D.pth`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import build_strict, load_checkpoint, warn_if_test
from ..errors import InvalidInputError, WrongArchitectureError
from ..registry import unknown_name
from .base import FEATURES, FeatureNetwork, Features, required


class ScaledConv(nn.Module):
    """A convolution whose weights are stored at unit variance and scaled as they are used."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, padding: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.scale = 1 / math.sqrt(inputs * size**2)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` -> `(B, outputs, H', W')`."""
        return F.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class ScaledLinear(nn.Module):
    """A linear layer of the same kind."""

    def __init__(self, inputs: int, outputs: int, activate: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale = 1 / math.sqrt(inputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs)` -> `(B, outputs)`."""
        h = F.linear(x, self.weight * self.scale, self.bias)
        return _leaky(h) if self.activate else h


class BiasedLeakyReLU(nn.Module):
    """Adds a bias, cuts negative values to a fifth, keeps the variance."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, H, W)` -> the same shape."""
        return _leaky(x + self.bias[:, None, None])


class Blur(nn.Module):
    """Low-passes every channel before it is halved; the filter is stored with the weights."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.kernel: Tensor
        self.register_buffer("kernel", torch.empty(4, 4))
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` -> `(B, C, H + 2p - 3, W + 2p - 3)`."""
        channels = x.shape[1]
        filters = self.kernel.flip(0, 1).expand(channels, 1, -1, -1)
        return F.conv2d(x, filters, padding=self.padding, groups=channels)


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a 1x1 shortcut, both halving the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(ScaledConv(inputs, inputs, 3, 1, 1), BiasedLeakyReLU(inputs))
        self.conv2 = nn.Sequential(
            Blur(2), ScaledConv(inputs, outputs, 3, 2, 0), BiasedLeakyReLU(outputs)
        )
        self.skip = nn.Sequential(Blur(1), ScaledConv(inputs, outputs, 1, 2, 0))

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
        first = nn.Sequential(ScaledConv(3, widths[0], 1, 1, 0), BiasedLeakyReLU(widths[0]))
        blocks = [DiscriminatorBlock(a, b) for a, b in pairwise(widths)]
        self.convs = nn.Sequential(first, *blocks)
        last = widths[-1]
        self.final_conv = nn.Sequential(ScaledConv(last + 1, last, 3, 1, 1), BiasedLeakyReLU(last))
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


@FEATURES.register("discriminator")
class Discriminator(FeatureNetwork):
    """The discriminator as a feature network; its one tap is the score.

    Deviations: each image is judged alone, so that no image's guidance depends on its batch mates;
    to the network that is a batch of one.

    Args:
        network: The network with its weights.
    """

    name = "discriminator"
    weights = ("gpen-discriminator",)

    def __init__(self, network: StyleGANDiscriminator) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def load(
        cls, path: Path | str | None = None, device: torch.device | str = "cpu"
    ) -> "Discriminator":
        """See `load_discriminator`."""
        return load_discriminator(required(path, "discriminator"), device)

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.network

    def check_taps(self, taps: Sequence[str]) -> None:
        """Accept "score" only; see `FeatureNetwork`."""
        for tap in taps:
            if tap != "score":
                raise unknown_name("tap of the discriminator", tap, ["score"])

    def to(self, device: torch.device | str) -> "Discriminator":
        """Move the network; returns self."""
        self.network.to(device)
        return self

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """Return the score `(B, 1)`; see `FeatureNetwork`.

        Raises:
            InvalidInputError: The image's size is not the network's.
        """
        self.check_taps(taps)
        size = self.network.image_size
        if image.shape[-2:] != (size, size):
            raise InvalidInputError(
                f"This discriminator judges images of {size}x{size} pixels, not "
                f"{image.shape[-1]}x{image.shape[-2]}; use a prior of that size."
            )
        return {"score": self.network(image)}


def load_discriminator(path: Path | str, device: torch.device | str = "cpu") -> Discriminator:
    """Load a discriminator; its image size and widths are read off the file.

    Args:
        path: `GPEN-BFR-512-D.pth`, or any file with its keys.
        device: Where the network is put.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    checkpoint = load_checkpoint(path)
    tensors = checkpoint.tensors
    blocks = {key.split(".")[1] for key in tensors if key.startswith("convs.")}
    names = [f"convs.{i}.conv2.2.bias" for i in range(1, len(blocks))]
    try:
        widths = [tensors[key].shape[0] for key in ("convs.0.1.bias", *names)]
    except (KeyError, IndexError) as error:
        raise WrongArchitectureError(
            f"{checkpoint.name} is no discriminator of GPEN: it lacks the tensor {error}. Choose "
            "GPEN-BFR-512-D.pth."
        ) from error
    with torch.inference_mode(False):
        network = build_strict(
            lambda: StyleGANDiscriminator(widths), checkpoint, "GPEN's discriminator"
        )
        warn_if_test(checkpoint)
        return Discriminator(network).to(device)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * math.sqrt(2)

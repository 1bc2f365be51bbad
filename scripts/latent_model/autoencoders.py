"""A small autoencoder with what makes gradients hard in a large one, and a smaller decoder."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pdgrad_core.benchmarks.latent_decoders import Attention, SmallBlock

SCALE, CHANNELS = 4, 4
"""Pixels per side of a latent cell, and channels of latents."""


class Residual(nn.Module):
    """Two convolutions behind group norms of 8 groups, and a skip."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, given)
        self.conv1 = nn.Conv2d(given, made, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, made)
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)
        self.skip = nn.Conv2d(given, made, 1) if given != made else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, made, H, W)`."""
        h = self.conv1(F.silu(self.norm1(x)))
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Enlarge(nn.Module):
    """Twice as large, and a convolution."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(given, made, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, made, 2 H, 2 W)`."""
        return self.conv(F.interpolate(x, scale_factor=2.0))


class Autoencoder(nn.Module):
    """Latents of a quarter of the side: residual blocks, group norms, attention in the middle.

    The finest level is a pixel-unshuffle, so that it can be trained in minutes.

    Attributes:
        offset: Subtracted from an encoder's output, `(1, CHANNELS, 1, 1)`, once it is trained.
        spread: Then divided by, so that latents have mean 0 and variance 1.
    """

    offset: Tensor
    spread: Tensor

    def __init__(self, fine: int = 32, coarse: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, fine, 3, padding=1),
            Residual(fine, fine),
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1),
            Residual(coarse, coarse),
            nn.GroupNorm(8, coarse),
            nn.SiLU(),
            nn.Conv2d(coarse, 2 * CHANNELS, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(CHANNELS, coarse, 3, padding=1),
            Residual(coarse, coarse),
            Attention(coarse),
            Residual(coarse, coarse),
            Enlarge(coarse, fine),
            Residual(fine, fine),
            Residual(fine, fine),
            nn.GroupNorm(8, fine),
            nn.SiLU(),
            nn.Conv2d(fine, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.register_buffer("offset", torch.zeros(1, CHANNELS, 1, 1))
        self.register_buffer("spread", torch.ones(1, CHANNELS, 1, 1))

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance of the encoder's output."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def encode(self, images: Tensor) -> Tensor:
        """Return the latents `(B, CHANNELS, H / SCALE, W / SCALE)` that a model is trained on."""
        return (self.moments(images)[0] - self.offset) / self.spread

    def decode(self, z: Tensor) -> Tensor:
        """Return pixels of such latents, not clamped."""
        return self.decoder(z * self.spread + self.offset)


class Previewer(nn.Sequential):
    """A decoder without norms or attention, as TAESD is one."""

    def __init__(self, width: int = 24) -> None:
        super().__init__(
            nn.Conv2d(CHANNELS, width, 3, padding=1),
            nn.ReLU(),
            SmallBlock(width),
            SmallBlock(width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            SmallBlock(width),
            nn.Conv2d(width, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )


def parts_of(images: Tensor, call: Callable[[Tensor], Tensor], count: int = 64) -> Tensor:
    """Return what a function makes of a batch, some pictures at a time, without gradients."""
    with torch.no_grad():
        return torch.cat([call(part) for part in images.split(count)])

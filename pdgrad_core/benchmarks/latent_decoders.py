"""Networks of the sizes that latent models come with, of random weights: for timing alone.

Only what costs time is there: the layers of Stable Diffusion's autoencoder (Rombach et al. 2022,
f = 8: 128 channels times 1, 2, 4, 4, two residual blocks and one a level) and of a small previewer
(64 channels, three blocks a level). Flux's and SD3's have the same layers with 16 channels of
latents.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..diffusion.unet import UNet, UNetConfig

SCALE = 8
"""Pixels per side of a latent cell."""


class Residual(nn.Module):
    """Two convolutions behind group norms, and a skip.

    Args:
        given: Channels in.
        made: Channels out.
    """

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(32, given)
        self.conv1 = nn.Conv2d(given, made, 3, padding=1)
        self.norm2 = nn.GroupNorm(32, made)
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)
        self.skip = nn.Conv2d(given, made, 1) if given != made else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, made, H, W)`."""
        h = self.conv1(F.silu(self.norm1(x)))
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    """Attention of all places to all, one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x's shape."""
        q, k, v = (one.flatten(2).mT[:, None] for one in self.qkv(self.norm(x)).chunk(3, dim=1))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(mixed[:, 0].mT.reshape(x.shape))


class Enlarge(nn.Module):
    """Twice as large, and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, C, 2 H, 2 W)`."""
        return self.conv(F.interpolate(x, scale_factor=2.0))


class AutoencoderDecoder(nn.Sequential):
    """The decoder of Stable Diffusion's size.

    Args:
        latents: Channels of latents.
        width: Of the finest level.
        factors: Widths of the levels, the finest first.
        blocks: Residual blocks a level, less one.
    """

    def __init__(
        self,
        latents: int = 4,
        width: int = 128,
        factors: Sequence[int] = (1, 2, 4, 4),
        blocks: int = 2,
    ) -> None:
        here = width * factors[-1]
        layers: list[nn.Module] = [nn.Conv2d(latents, here, 3, padding=1)]
        layers += [Residual(here, here), Attention(here), Residual(here, here)]
        for level, factor in enumerate(reversed(factors)):
            for _ in range(blocks + 1):
                layers.append(Residual(here, width * factor))
                here = width * factor
            if level < len(factors) - 1:
                layers.append(Enlarge(here))
        layers += [nn.GroupNorm(32, here), nn.SiLU(), nn.Conv2d(here, 3, 3, padding=1)]
        super().__init__(*layers)


class SmallBlock(nn.Module):
    """Three convolutions and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        convolutions: list[nn.Module] = []
        for _ in range(3):
            convolutions += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*convolutions[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Return x's shape."""
        return F.relu(x + self.body(x))


class SmallDecoder(nn.Sequential):
    """A previewer's decoder, of TAESD's size.

    Args:
        latents: Channels of latents.
        width: Of all levels.
    """

    def __init__(self, latents: int = 4, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(latents, width, 3, padding=1), nn.ReLU()]
        for _ in range(3):
            layers += [SmallBlock(width) for _ in range(3)]
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)]
        layers += [SmallBlock(width), nn.Conv2d(width, 3, 3, padding=1)]
        super().__init__(*layers)


def plain_unet(width: int = 128) -> UNet:
    """Return a U-Net of the widths of Stable Diffusion 1.5, for what a plain step takes.

    It attends to itself where that one does, but knows no text: without cross-attention and the
    transformers' wider layers it is somewhat cheaper.

    Args:
        width: Of the decoder beside it; 128 gives the U-Net's 320.
    """
    return UNet(
        UNetConfig(
            width=max(64, width * 5 // 2 // 32 * 32),
            channel_mult=(1, 2, 4, 4),
            num_res_blocks=(2, 2, 2, 2),
            attention_levels=(0, 1, 2),
            learn_sigma=False,
            scale_shift_norm=False,
            image_channels=4,
            num_head_channels=64,
        )
    )


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    """Return a network without gradients of its own, its weights from a seed."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
        if parameter.ndim > 1:
            parameter.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
    return network.eval()

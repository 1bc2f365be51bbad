"""insightface's IResNet, the ArcFace backbone.

Source: Deng et al. 2019 (ArcFace); He et al. 2016 with the block order of insightface's `iresnet`.
The module carries the official key names, for loading and for training; `FoldedIResNet` is its
frozen form, batch norms folded into the convolutions, for the guidance.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from ..errors import WrongArchitectureError
from .base import Features

EMBEDDING = "embedding"
STEM = "stem"


@dataclass(frozen=True)
class IResNetConfig:
    """Architecture of an IResNet; the defaults are those of iresnet50.

    Attributes:
        layers: Blocks of the four stages.
        widths: Channels of the four stages; the stem has the first's.
        embedding_dim: Length of the embedding.
        image_size: Side of the input in pixels, a multiple of 16.
    """

    layers: tuple[int, int, int, int] = (3, 4, 14, 3)
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    embedding_dim: int = 512
    image_size: int = 112


def config_from_state_dict(state: Mapping[str, Tensor]) -> IResNetConfig:
    """Read the architecture off a state dict with insightface's keys.

    Raises:
        WrongArchitectureError: This is no IResNet.
    """
    try:
        layers = [
            1 + max(int(m[1]) for key in state if (m := re.match(rf"layer{stage}\.(\d+)\.", key)))
            for stage in (1, 2, 3, 4)
        ]
        widths = [state[f"layer{stage}.0.conv2.weight"].shape[0] for stage in (1, 2, 3, 4)]
        dim, flat = state["fc.weight"].shape
    except (KeyError, ValueError) as error:
        raise WrongArchitectureError(
            "This file is no IResNet (insightface's ArcFace backbone): it lacks layer1..4 or fc. "
            "Choose ms1mv3_arcface_r50_fp16.pth."
        ) from error
    side = math.isqrt(flat // widths[3])
    return IResNetConfig(
        cast("tuple[int, int, int, int]", tuple(layers)),
        cast("tuple[int, int, int, int]", tuple(widths)),
        dim,
        16 * side,
    )


class Block(nn.Module):
    """One residual block: norm, convolution, norm, PReLU, convolution, norm, and the shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to the block's channels and stride."""
        h = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        h = self.bn3(self.conv2(h))
        return h + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """The backbone, with insightface's key names.

    Args:
        config: Its architecture.
    """

    def __init__(self, config: IResNetConfig | None = None) -> None:
        super().__init__()
        config = config or IResNetConfig()
        if config.image_size % 16:
            raise WrongArchitectureError(
                f"An IResNet's image size must be a multiple of 16, not {config.image_size}."
            )
        self.config = config
        channels = config.widths[0]
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        for stage, (count, width) in enumerate(
            zip(config.layers, config.widths, strict=True), start=1
        ):
            blocks: list[nn.Module] = []
            for i in range(count):
                blocks.append(Block(channels, width, 2 if i == 0 else 1))
                channels = width
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.bn2 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels * (config.image_size // 16) ** 2, config.embedding_dim)
        self.features = nn.BatchNorm1d(config.embedding_dim)
        # ArcFace fixes the embedding's scale; insightface freezes this weight at 1 while training.
        self.features.weight.requires_grad_(False)

    @property
    def taps(self) -> list[str]:
        """Names of all taps: "stem", "layer1.0", ..., "embedding"."""
        blocks = [
            f"layer{stage}.{i}"
            for stage, count in enumerate(self.config.layers, start=1)
            for i in range(count)
        ]
        return [STEM, *blocks, EMBEDDING]

    def blocks(self) -> list[Block]:
        """Return the residual blocks of all stages, in order."""
        stages = [cast(nn.Sequential, self.get_submodule(f"layer{s}")) for s in (1, 2, 3, 4)]
        return [cast(Block, block) for stage in stages for block in stage]

    def forward(self, image: Tensor, taps: Sequence[str] = (EMBEDDING,)) -> Features:
        """Return features at `taps`; the embedding is not normalised.

        Args:
            image: `(B, 3, S, S)` in [-1, 1], S the configured image size.
            taps: Names from `taps`.
        """
        found: Features = {}
        h = self.prelu(self.bn1(self.conv1(image)))
        for name, block in zip(self.taps[:-1], [None, *self.blocks()], strict=True):
            h = h if block is None else block(h)
            if name in taps:
                found[name] = h
        if EMBEDDING in taps:
            found[EMBEDDING] = self.features(self.fc(self.bn2(h).flatten(1)))
        return found

"""A small convolutional restorer for small faces, the embedded default."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import Checkpoint, build_strict
from ..errors import InvalidInputError, WrongArchitectureError
from .base import RESTORERS, Restorer

DOWNSAMPLING = 8
"""Sides must be multiples of this: an unshuffle by 2 and two halvings."""


class ResidualBlock(nn.Module):
    """Two convolutions with a residual around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, width, H, W)` -> the same shape."""
        return x + self.conv2(F.leaky_relu(self.conv1(x), 0.2))


class CoarseNetwork(nn.Module):
    """Two levels down, residual blocks at an eighth of the side, two levels up, with skips.

    It predicts what to add to the degraded image.

    Args:
        width: Channels at half of the image's side; twice and four times that below.
        blocks: Residual blocks at the lowest level; the others have one on each way.
    """

    def __init__(self, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        w1, w2, w3 = width, 2 * width, 4 * width
        self.enter = nn.Conv2d(12, w1, 3, padding=1)
        self.down1, self.shrink1 = ResidualBlock(w1), nn.Conv2d(w1, w2, 2, stride=2)
        self.down2, self.shrink2 = ResidualBlock(w2), nn.Conv2d(w2, w3, 2, stride=2)
        self.body = nn.Sequential(*(ResidualBlock(w3) for _ in range(blocks)))
        self.grow2, self.up2 = nn.Conv2d(w3, 4 * w2, 1), ResidualBlock(w2)
        self.grow1, self.up1 = nn.Conv2d(w2, 4 * w1, 1), ResidualBlock(w1)
        self.leave = nn.Conv2d(w1, 12, 3, padding=1)
        # An untrained network returns its input.
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, degraded: Tensor) -> Tensor:
        """`(B, 3, H, W)` -> the same shape, not clamped."""
        h1 = self.down1(self.enter(F.pixel_unshuffle(degraded, 2)))
        h2 = self.down2(self.shrink1(h1))
        h = self.body(self.shrink2(h2))
        h = self.up2(h2 + F.pixel_shuffle(self.grow2(h), 2))
        h = self.up1(h1 + F.pixel_shuffle(self.grow1(h), 2))
        return degraded + F.pixel_shuffle(self.leave(h), 2)


@RESTORERS.register("demo")
class DemoRestorer(Restorer):
    """Restores small aligned faces as far as an L1 loss does: clean, too smooth, without detail.

    Source: y_c = f(y) in PDGrad section 3.1.
    Deviations: a network of our own, far smaller than the papers' restorers.

    Args:
        network: The network with its weights.
    """

    name = "demo"

    def __init__(self, network: CoarseNetwork) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Build the network from the tensors' shapes and load them.

        Raises:
            WrongArchitectureError: The tensors are another network's.
        """
        first = checkpoint.tensors.get("enter.weight")
        if first is None:
            raise WrongArchitectureError(
                f"{checkpoint.name} is not a checkpoint of the small coarse restorer: it has no "
                "'enter.weight'. Choose coarse.safetensors or a file that scripts/train.py made."
            )
        blocks = len({k.split(".")[1] for k in checkpoint.tensors if k.startswith("body.")})
        network = build_strict(
            lambda: CoarseNetwork(first.shape[0], blocks), checkpoint, "the small coarse restorer"
        )
        return cls(network, **options)

    def _check_size(self, degraded: Tensor) -> None:
        height, width = degraded.shape[-2:]
        if height % DOWNSAMPLING or width % DOWNSAMPLING:
            raise InvalidInputError(
                f"The restorer {self.name!r} takes images whose sides are multiples of "
                f"{DOWNSAMPLING} pixels, not {width}x{height}; resize the image."
            )

    def _restore(self, degraded: Tensor, _x_t: Tensor | None, _t: Tensor | None, /) -> Tensor:
        assert self.network is not None
        return self.network(degraded)

"""PGDiff's restorer: residual-in-residual dense blocks that also see x_t and t."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import Checkpoint, build_strict
from ..diffusion.unet import timestep_embedding
from ..errors import InvalidInputError, WrongArchitectureError
from .base import RESTORERS, Restorer

UNSHUFFLE = 4
"""The network works at a quarter of the image's width and height."""

TIME_FREQUENCIES = 100

_OWN_KEYS = ("generator.", "time_embed.")


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the block's input and all outputs before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for i in range(5):
            out = growth if i < 4 else width
            self.add_module(f"conv{i + 1}", nn.Conv2d(width + i * growth, out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, width, H, W)` -> the same shape."""
        *growing, last = (cast(nn.Conv2d, child) for child in self.children())
        seen = x
        for convolution in growing:
            found = F.leaky_relu(convolution(seen), 0.2, inplace=True)
            seen = torch.cat([seen, found], dim=1)
        return torch.add(x, last(seen), alpha=0.2)


class ResidualDenseBlocks(nn.Module):
    """Three dense blocks with a scaled residual around them: one RRDB."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(width, growth)
        self.rdb2 = DenseBlock(width, growth)
        self.rdb3 = DenseBlock(width, growth)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, width, H, W)` -> the same shape."""
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=0.2)


class RRDBTrunk(nn.Module):
    """Pixel-unshuffle, a trunk of RRDBs, two nearest-neighbour enlargements by two."""

    def __init__(self, in_channels: int, width: int, growth: int, blocks: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(in_channels * UNSHUFFLE**2, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualDenseBlocks(width, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, padding=1)
        self.conv_up1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_up2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` -> `(B, 3, H, W)`."""
        h = F.pixel_unshuffle(x, UNSHUFFLE)
        if h.device.type == "cpu":
            # oneDNN then needs no reordering around each of the 350 convolutions.
            h = h.contiguous(memory_format=torch.channels_last)
        h = self.conv_first(h)
        h = h + self.conv_body(self.body(h))
        for up in (self.conv_up1, self.conv_up2):
            h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            h = F.leaky_relu(up(h), 0.2, inplace=True)
        return self.conv_last(F.leaky_relu(self.conv_hr(h), 0.2, inplace=True)).contiguous()


class RRDBNetwork(nn.Module):
    """The trunk, fed x_t, y and an image of t: nine channels."""

    def __init__(self, width: int = 64, growth: int = 32, blocks: int = 23) -> None:
        super().__init__()
        self.generator = RRDBTrunk(9, width, growth, blocks)
        self.time_embed = nn.Sequential(nn.Linear(TIME_FREQUENCIES, 3), nn.SiLU(), nn.Linear(3, 3))

    def forward(self, x_t: Tensor, degraded: Tensor, t: Tensor) -> Tensor:
        """`(B, 3, H, W)` twice and `(B,)` -> `(B, 3, H, W)`."""
        time = self.time_embed(timestep_embedding(t, TIME_FREQUENCIES).to(x_t.dtype))
        time = time[:, :, None, None].expand(x_t.shape)
        return self.generator(torch.cat([x_t, degraded, time], dim=1))


@RESTORERS.register("rrdb")
class RRDBRestorer(Restorer):
    """PGDiff's f(y, x_t, t).

    Source: PGDiff section 3.3 and its official restorer (23 blocks, 64 features, x1).
    Deviations: none; the same state-dict names, the same output before the clamp.

    Args:
        network: The network with its weights.
    """

    name = "rrdb"
    weights = "pgdiff-rrdb"
    depends_on_x_t = True

    def __init__(self, network: RRDBNetwork) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Build the network from the tensors' shapes and load them.

        Tensors of other names are left aside, as by the official loader: the published training
        checkpoint may hold more than the restorer.

        Raises:
            WrongArchitectureError: The tensors are not those of PGDiff's restorer.
        """
        tensors = {k: v for k, v in checkpoint.tensors.items() if k.startswith(_OWN_KEYS)}
        own = Checkpoint(tensors, checkpoint.metadata, checkpoint.path)
        try:
            width = tensors["generator.conv_body.weight"].shape[0]
            growth = tensors["generator.body.0.rdb1.conv1.weight"].shape[0]
        except (KeyError, IndexError) as error:
            raise WrongArchitectureError(
                f"{checkpoint.name} is not a checkpoint of PGDiff's RRDB restorer: it has no "
                f"{error}. Choose the file that belongs to it (rrdb_iter_100000.pth)."
            ) from error
        blocks = len({k.split(".")[2] for k in tensors if k.startswith("generator.body.")})
        network = build_strict(
            lambda: RRDBNetwork(width, growth, blocks), own, "PGDiff's RRDB restorer"
        )
        return cls(network, **options)

    def _check_size(self, degraded: Tensor) -> None:
        height, width = degraded.shape[-2:]
        if height % UNSHUFFLE or width % UNSHUFFLE:
            raise InvalidInputError(
                f"The restorer {self.name!r} takes images whose sides are multiples of "
                f"{UNSHUFFLE} pixels, not {width}x{height}; resize the image."
            )

    def _restore(self, degraded: Tensor, x_t: Tensor | None, t: Tensor | None, /) -> Tensor:
        assert self.network is not None
        return self.network(x_t, degraded, t)

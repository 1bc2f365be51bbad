"""From latents to pixels where a gradient passes: range, precision, and memory by recomputing.

A decoder's activations are what a guided step needs memory for. Each of its blocks may keep its
input alone and compute the rest once more on the way back; tiles bound what one block holds.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Decode = Callable[[Tensor], Tensor]
"""Latents `(1, C, h, w)` to pixels `(1, 3, h scale, w scale)` in [-1, 1], not clamped."""

TILE_CELLS, TILE_OVERLAP_CELLS = 48, 8


@dataclass(eq=False)
class Decoder:
    """A latent model's decoder, as a guidance uses it.

    Attributes:
        decode: The network, with whatever scales latents before it.
        scale: Pixels per side of a latent cell.
        module: Whose blocks are computed twice instead of kept; None to keep everything.
        tiled: Whether the picture is decoded in overlapping tiles.
        precise: Gives the same network in float32, for one that overflows in 16 bits; None where it
            computes in float32 already.
    """

    decode: Decode
    scale: int
    module: nn.Module | None = None
    tiled: bool = False
    precise: "Callable[[], Decoder] | None" = None

    def __call__(self, z: Tensor) -> Tensor:
        """Return pixels `(1, 3, H, W)`, in [-1, 1] by a clamp that lets the gradient through."""
        with _checkpointed_blocks(self.module):
            if self.tiled:
                return clamped(decode_in_tiles(self.decode, z, self.scale))
            return clamped(self.decode(z))


def clamped(pixels: Tensor) -> Tensor:
    """Return pixels clamped to [-1, 1]; their gradient passes as if they were not.

    A pixel beyond white could otherwise not be pulled back.
    """
    return pixels + (pixels.clamp(-1, 1) - pixels).detach()


def recomputed(function: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
    """Call a function of which only the inputs are kept for the gradient."""
    return checkpoint(
        function,
        *args,
        use_reentrant=False,
        preserve_rng_state=False,
        # The host's attention looks at free memory and may split its work another way.
        determinism_check="none",
        **options,
    )  # type: ignore[return-value]


@contextmanager
def _checkpointed_blocks(module: nn.Module | None) -> Generator[None, None, None]:
    """Let a network's blocks keep their inputs only, as long as this lasts."""
    with ExitStack() as restored:
        for block in _blocks(module):
            restored.callback(_set_forward, block, block.__dict__.get("forward"))
            block.forward = _recomputing(block.forward)
        yield


def _blocks(module: nn.Module | None) -> Sequence[nn.Module]:
    """Return the modules that consist of layers alone: residual blocks, attention, enlargements."""
    if module is None:
        return []
    return [
        one
        for one in module.modules()
        if one is not module
        and any(True for _ in one.parameters())
        and any(True for _ in one.children())
        and not any(True for child in one.children() for _ in child.children())
    ]


def _recomputing(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(*args: Any, **options: Any) -> Tensor:
        if not torch.is_grad_enabled():
            return forward(*args, **options)
        return recomputed(forward, *args, **options)

    return call


def _set_forward(block: nn.Module, own: Any) -> None:
    if own is None:
        del block.__dict__["forward"]
    else:
        block.forward = own


def decode_in_tiles(
    decode: Decode,
    z: Tensor,
    scale: int,
    tile: int = TILE_CELLS,
    overlap: int = TILE_OVERLAP_CELLS,
) -> Tensor:
    """Decode overlapping tiles and fade them into each other; each is computed twice, none kept.

    What a decoder takes over the whole picture (attention, group norms) it takes over a tile here,
    as in the host's own tiled decoding: pixels and gradients differ a little.

    Args:
        decode: One tile's latents to its pixels.
        z: `(1, C, h, w)`.
        scale: Pixels per cell.
        tile: Side of a tile, cells.
        overlap: Of neighbouring tiles, cells.
    """
    rows, columns = (_starts(side, tile, overlap) for side in z.shape[-2:])
    if len(rows) * len(columns) == 1:
        return decode(z)
    total: Tensor | None = None
    weights: Tensor | None = None
    for top in rows:
        for left in columns:
            part = z[..., top : top + tile, left : left + tile]
            pixels = recomputed(decode, part)
            weight = _ramp(pixels, overlap * scale)
            around = (
                *(left * scale, z.shape[-1] * scale - left * scale - pixels.shape[-1]),
                *(top * scale, z.shape[-2] * scale - top * scale - pixels.shape[-2]),
            )
            placed, counted = F.pad(pixels * weight, around), F.pad(weight, around)
            total = placed if total is None else total + placed
            weights = counted if weights is None else weights + counted
    assert total is not None and weights is not None
    return total / weights


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles begin: evenly spread, the last one at the end."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(index * (length - tile) / (count - 1)) for index in range(count)]


def _ramp(pixels: Tensor, overlap: int) -> Tensor:
    """Return a tile's weights `(1, 1, H, W)`: 1 inside, falling to its edges, never 0."""
    lines: list[Tensor] = []
    for side in pixels.shape[-2:]:
        place = torch.arange(side, dtype=torch.float32)
        nearest = torch.minimum(place, side - 1 - place) + 1
        lines.append((nearest / max(1, min(overlap, side))).clamp(max=1).to(pixels))
    return lines[0][:, None] * lines[1][None, :] * pixels.new_ones(1, 1, 1, 1)

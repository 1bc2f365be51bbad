"""Where an outline must not run: across a head that the restoration moved."""

import torch.nn.functional as F
from torch import Tensor

from ..images import resize
from .mask import feather
from .smoothing import smooth

_SIDE_PX = 128
"""Side of the copy on which it is looked for."""

_OTHER = 40 / 127.5
"""Pictures of one place that differ by this much show two things: 40 of 255 levels."""

_MOVED = 0.5
"""Less alike than this, which is at 26 of 255 levels, an outline was moved."""

_SMOOTH_FRACTION = 0.012
"""Differences are looked at in pictures smoothed by this much of the crop's side."""


def alike(difference: Tensor, sigma_px: float) -> Tensor:
    """Return how far two pictures show the same thing, whatever their light and colours.

    Args:
        difference: `(1, 3, H, W)` of one picture in [-1, 1] from the other.
        sigma_px: Width of the smoothing before it is looked at.

    Returns:
        `(1, 1, H, W)`, near 1 where they differ as light does, near 0 where the one shows hair and
        the other the wall behind it.
    """
    apart = smooth(difference, sigma_px).square().mean(1, keepdim=True)
    return 1 / (1 + apart / _OTHER**2) ** 2


def kept_at_edges(crop: Tensor, result: Tensor, feather_fraction: float) -> Tensor:
    """Return 0 where a head's outline was moved so near the crop's edge that two would be seen.

    Beyond the crop the photo's own outline goes on, and over the soft edge both would show at
    once. There the photo stays, and the seam runs inside the head instead, where hair is hair.

    Args:
        crop: `(1, 3, S, S)` in [-1, 1], as cut out of the photo.
        result: `(1, 3, R, R)` in [-1, 1], its restoration.
        feather_fraction: Width of the soft edge, of the crop's side.

    Returns:
        `(1, 1, R, R)` from 0 to 1, to multiply a weight by.
    """
    before, after = (resize(one, _SIDE_PX, _SIDE_PX) for one in (crop, result))
    difference = after - before
    shift = difference.flatten(2).median(-1).values[..., None, None]
    moved = alike(difference - shift, _SMOOTH_FRACTION * _SIDE_PX) < _MOVED
    width = round(feather_fraction * _SIDE_PX)
    inner = moved.new_ones(1, 1, _SIDE_PX - 2 * width, _SIDE_PX - 2 * width)
    near = ~F.pad(inner, (width,) * 4, value=False)
    radius = max(1, width // 4)
    grown = F.max_pool2d((moved & near).float(), 2 * radius + 1, 1, radius)
    kept = 1 - feather(smooth(grown, radius / 2), 1.0)
    return resize(kept, result.shape[-1], result.shape[-1]).clamp(0, 1)

"""Blending in bands: fine detail over a narrow edge, colours and light over a wide one."""

import torch
from torch import Tensor

from .seam import alike
from .smoothing import smooth, smooth_within

_NARROWEST_FRACTION = 0.0125
"""Smoothing of the finest band, of a crop's side."""

_LEVELS = 3
"""Bands; each is twice as wide as the one before, the widest a twentieth of a crop's side."""


def blend(photo: Tensor, restored: Tensor, weight: Tensor, side_px: float) -> Tensor:
    """Lay a picture over another where its weight says so, band by band.

    Source: Burt and Adelson, A multiresolution spline with application to image mosaics (1983).
    Deviations: the bands are those of the difference of both pictures, which is the same, since
        the blend is linear; what lies outside the weight enters no band; places that show two
        things, such as old hair before the new wall, enter no wide one, or their shadow would
        stay; each band's weight falls to 0 inside the outline instead of reaching beyond it, so
        that the photo is kept outside to the bit.

    Args:
        photo: `(1, 3, H, W)` float32.
        restored: `(1, 3, H, W)` float32.
        weight: `(1, 1, H, W)` from 0 to 1.
        side_px: Side of the restored crop in these pixels, which the bands' widths follow.

    Returns:
        `(1, 3, H, W)`, the photo itself where the weight is 0.
    """
    left = restored - photo
    blended = photo.clone()
    reach = weight
    counts = weight * alike(left, _NARROWEST_FRACTION * side_px)
    for level in range(_LEVELS):
        sigma = _NARROWEST_FRACTION * 2**level * side_px
        around = smooth(weight, sigma)
        wide, _ = smooth_within(left, counts, sigma)
        blended += reach * (left - wide)
        left = wide
        reach = torch.minimum(reach, weight * inner(around))
    return blended + reach * left


def wide_edge(weight: Tensor, side_px: float) -> Tensor:
    """Return where the widest band is blended: 1 along the outline, falling to 0 within it.

    Args:
        weight: `(1, 1, H, W)` from 0 to 1.
        side_px: Side of the restored crop in these pixels.
    """
    sigma = _NARROWEST_FRACTION * 2 ** (_LEVELS - 1) * side_px
    return (weight > 0.02) * (1 - inner(smooth(weight, sigma)))


def inner(smoothed: Tensor) -> Tensor:
    """Turn a smoothed weight, one half along a straight edge, into one that is 0 there."""
    ramp = (2 * smoothed - 1).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)

"""The outline of a face with its hair, from landmarks and from what the restoration changed.

It is the way without a parsing network: an oval over the face, and around it whatever belongs to
the head and was truly changed. Everything is computed on a small copy of the crop.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..images import resize
from .face import Points
from .mask import feather
from .oklab import to_oklab
from .smoothing import smooth, smooth_within

_SIDE_PX = 128
"""Side of the copy on which the outline is found."""

# In units of the distance from the eyes to the mouth: on the FFHQ template 131 of 512 px. The oval
# runs from above the hairline to the chin, the head's from the crop's upper edge to the neck.
_FACE_CENTRE, _FACE_REACH = 0.34, (1.06, 1.42)
_HEAD_CENTRE, _HEAD_REACH = 0.10, (1.85, 1.95)

_MOUTH = 1.0
"""Below the mouth, in the same unit, nothing is the head's that was not there before."""

_CHANGED = 0.025
"""A smaller difference in Oklab between crop and result is none: about 6 of 255 in lightness."""

_DETAIL = 2 / 127.5
"""Less change of detail, on average, is none: 2 of 255."""

_SMOOTH_FRACTION = 0.012
"""Differences are looked at in pictures smoothed by this much of the crop's side."""

_BORDER_FRACTION = 0.06
"""Width of the strip along the crop's edges that shows what lies behind the head."""


def face_oval(landmarks: Points, height: int, width: int) -> Tensor:
    """Return how deep inside the oval of a face each pixel of a picture lies.

    Args:
        landmarks: `(5, 2)` or `(3, 2)` in the picture's pixels.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        `(1, 1, height, width)` float32: 1 at the centre, 0 on the oval, below 0 outside it.
    """
    return _oval(landmarks, (height, width), _FACE_CENTRE, _FACE_REACH)


def head_outline(
    crop: Tensor, result: Tensor, landmarks: Points, feather_fraction: float
) -> Tensor:
    """Return how much of each pixel of a restored crop belongs to the face and its hair.

    Args:
        crop: `(1, 3, S, S)` in [-1, 1], as cut out of the photo.
        result: `(1, 3, R, R)` in [-1, 1], its restoration.
        landmarks: `(5, 2)` or `(3, 2)` in the crop's pixels.
        feather_fraction: Width of the soft edge, of the crop's side.

    Returns:
        `(1, 1, R, R)` from 0 to 1.
    """
    points = (landmarks + 0.5) * (_SIDE_PX / crop.shape[-1]) - 0.5
    before, after = (resize(one, _SIDE_PX, _SIDE_PX) for one in (crop, result))
    oval = face_oval(points, _SIDE_PX, _SIDE_PX) > 0
    head = _oval(points, (_SIDE_PX, _SIDE_PX), _HEAD_CENTRE, _HEAD_REACH) > 0
    changed = (_changed(before, after) | _sharpened(crop, result)) & head
    changed &= ~_painted_collar(before, points)
    inside = _filled(_connected(changed | oval, oval))
    return _softened(inside.float(), feather_fraction, result.shape[-1])


def _painted_collar(before: Tensor, landmarks: Points) -> Tensor:
    """Return where, below the mouth, the photo shows what lies behind.

    Near a photo's lower edge restorations paint collars and shoulders of their own; hair that
    reaches down there is in the photo too.
    """
    old = smooth(to_oklab(before), _SMOOTH_FRACTION * _SIDE_PX)
    _, along = _head_axes(landmarks, (_SIDE_PX, _SIDE_PX), 0.0)
    below = torch.from_numpy(along > _MOUTH)[None, None]
    return below & _like_the_border(old, _strip())


def _oval(
    landmarks: Points, size: tuple[int, int], centre_at: float, reach: tuple[float, float]
) -> Tensor:
    sideways, along = _head_axes(landmarks, size, centre_at)
    along, sideways = along / reach[1], sideways / reach[0]
    # A little fuller than an ellipse, as heads are.
    depth = 1 - (np.abs(along) ** 2.3 + np.abs(sideways) ** 2.3) ** (1 / 2.3)
    return torch.from_numpy(depth.astype(np.float32))[None, None]


def _head_axes(
    landmarks: Points, size: tuple[int, int], centre_at: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each pixel lies to the head's side and down, in units of its size.

    Args:
        landmarks: `(5, 2)` or `(3, 2)` in the picture's pixels.
        size: Height and width of the picture.
        centre_at: Where both are 0: so far below the eyes.
    """
    eyes = landmarks[:2].mean(axis=0)
    mouth = landmarks[-2:].mean(axis=0) if len(landmarks) == 5 else landmarks[-1]
    down = mouth - eyes
    # A head seen from the side has its eyes closer together, one that looks up or down its eyes
    # closer to the mouth: whichever is longer, relative to a face from the front, tells its size.
    across = float(np.linalg.norm(landmarks[1] - landmarks[0])) * 1.04
    unit = max(float(np.linalg.norm(down)), across, 1e-6)
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    centre = eyes + centre_at * unit * down
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float64)
    offset = np.stack([x, y], axis=-1) - centre
    return offset @ np.array([down[1], -down[0]]) / unit, offset @ down / unit


def _changed(before: Tensor, after: Tensor) -> Tensor:
    """Return where the restoration changed the head, not what it painted behind it."""
    sigma = _SMOOTH_FRACTION * _SIDE_PX
    old, new = (smooth(to_oklab(one), sigma) for one in (before, after))
    strip = _strip()
    # One colour over all of it is no change of shape: compare as if the colours were matched.
    shift = ((new - old) * strip).sum((-1, -2), keepdim=True) / strip.sum()
    differs = _length(new - old - shift) > _CHANGED
    backdrop = _like_the_border(old, strip) & _like_the_border(new, strip)
    return differs & ~backdrop


def _sharpened(crop: Tensor, result: Tensor) -> Tensor:
    """Return where detail came or went more than it did along the border, as it does in hair."""
    size_px = result.shape[-1]
    before, after = (
        resize(one, size_px, size_px, "bicubic").mean(1, keepdim=True) for one in (crop, result)
    )
    change = after - before
    detail = (change - smooth(change, 2 * _SMOOTH_FRACTION * size_px)).abs()
    level = smooth(resize(detail, _SIDE_PX, _SIDE_PX), _SMOOTH_FRACTION * _SIDE_PX)
    strip = _strip()
    return level > 2 * (level * strip).sum() / strip.sum() + _DETAIL


def _strip() -> Tensor:
    """Return 1 along the upper edge and the sides: below there are shoulders."""
    width = round(_BORDER_FRACTION * _SIDE_PX)
    strip = torch.zeros(1, 1, _SIDE_PX, _SIDE_PX)
    strip[..., :width, :] = 1.0
    reach = round(0.7 * _SIDE_PX)
    strip[..., :reach, :width] = strip[..., :reach, -width:] = 1.0
    return strip


def _like_the_border(lab: Tensor, strip: Tensor) -> Tensor:
    """Return where a picture looks like what its border would be if it went on inwards."""
    going_on, _ = smooth_within(lab, strip, 0.18 * _SIDE_PX)
    apart = _length(lab - going_on)
    return apart < 2 * _CHANGED + (apart * strip).sum() / strip.sum()


def _length(lab: Tensor) -> Tensor:
    return lab.square().sum(1, keepdim=True).sqrt()


def _connected(inside: Tensor, seed: Tensor) -> Tensor:
    """Return the part of a region, specks removed, that hangs together with a seed."""
    region = _opened(inside) | seed
    reached = seed
    while True:
        grown = (_dilated(reached, 1) & region) | seed
        if bool((grown == reached).all()):
            return reached
        reached = grown


def _filled(inside: Tensor) -> Tensor:
    """Close narrow gaps, and fill what the region encloses."""
    radius = round(0.03 * _SIDE_PX)
    closed = ~_dilated(~_dilated(inside, radius), radius) | inside
    outside = torch.ones_like(closed)
    outside[..., 1:-1, 1:-1] = False
    return ~_connected(~closed, outside & ~closed)


def _opened(inside: Tensor) -> Tensor:
    return _dilated(~_dilated(~inside, 1), 1)


def _dilated(inside: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(inside.float(), 2 * radius + 1, 1, radius) > 0


def _softened(inside: Tensor, feather_fraction: float, size_px: int) -> Tensor:
    """Return a region with a soft edge around it, at the result's size."""
    width = feather_fraction * _SIDE_PX
    sigma = width / 4
    # The edge's middle lies half a feather outside the region, which itself stays whole.
    grown = _dilated(inside, max(1, round(width / 2))).float()
    soft = feather(smooth(grown, sigma), 1.0) if width else grown
    return resize(soft, size_px, size_px, "bicubic").clamp(0, 1)

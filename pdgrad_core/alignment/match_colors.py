"""Matching a restored face's colours to the photo around it."""

import torch
from torch import Tensor

from ..images import resize
from .oklab import from_oklab, to_oklab
from .smoothing import smooth

_LARGEST_RATIO = 1.25
"""The spread of the colours is changed by no more than this factor, or its inverse."""

_NOISE = 0.01
"""Spreads in Oklab that are smaller than this say nothing."""

_OUTLIER = 0.03
"""Where the shift of colour differs by more than this in Oklab, the pictures show two things."""

_ROUNDS = 4

_HIGHLIGHT = 0.12
"""Within this distance of white in lightness, colours are shifted less and less."""

_LARGEST_PX = 192
"""Colours are compared in pictures shrunk to this size."""


def match_colors(result: Tensor, photo: Tensor, weight: Tensor, sigma_px: float) -> Tensor:
    """Give a picture the mean and the spread of colours that another has, as seen in one region.

    Source: Reinhard et al., Color Transfer between Images (2001), on the two pictures of one place.
    Deviations: Oklab instead of l-alpha-beta; both are smoothed first, so that detail that only
        one of them has is not taken for spread; places where they show different things, such as
        a lock of hair against the wall, count less; the spread changes by at most a quarter.

    Args:
        result: `(1, 3, H, W)` in [-1, 1], to be changed.
        photo: `(1, 3, H, W)` in [-1, 1].
        weight: `(1, 1, H, W)`, how much each pixel counts.
        sigma_px: Width of the smoothing.

    Returns:
        `(1, 3, H, W)` in [-1, 1]; the result itself where nothing counts.
    """
    if float(weight.sum()) < 1.0:
        return result
    shrunk = max(1.0, max(result.shape[-2:]) / _LARGEST_PX)
    height, width = (max(1, round(side / shrunk)) for side in result.shape[-2:])
    small, goal, weight = (resize(one, height, width) for one in (result, photo, weight))
    ours, theirs = (smooth(to_oklab(one), sigma_px / shrunk) for one in (small, goal))
    counts = weight
    for _ in range(_ROUNDS):
        mean, goal = _mean(ours, counts), _mean(theirs, counts)
        apart = ((theirs - goal) - (ours - mean)).square().sum(1, keepdim=True)
        counts = weight / (1 + apart / _OUTLIER**2) ** 2
    mean, goal = _mean(ours, counts), _mean(theirs, counts)
    spread, wanted = _spread(ours, mean, counts), _spread(theirs, goal, counts)
    ratio = ((wanted + _NOISE) / (spread + _NOISE)).clamp(1 / _LARGEST_RATIO, _LARGEST_RATIO)
    lab = to_oklab(result)
    change = (lab - mean) * ratio + goal - lab
    # White that was clipped lost its colour; shifting it would tint every highlight.
    change[:, 1:] *= ((1 - lab[:, :1]) / _HIGHLIGHT).clamp(0, 1)
    matched = from_oklab(lab + change)
    # What the way to Oklab and back rounds or clips is the result's own again.
    return result + (matched - from_oklab(lab))


def _mean(lab: Tensor, weight: Tensor) -> Tensor:
    return (lab * weight).sum((-1, -2), keepdim=True) / weight.sum().clamp(min=1e-6)


def _spread(lab: Tensor, mean: Tensor, weight: Tensor) -> Tensor:
    return torch.sqrt(_mean((lab - mean) ** 2, weight))

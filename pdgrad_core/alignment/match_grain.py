"""Matching a restored face's grain to the photo's, measured where the skin is flat."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import resize
from .smoothing import smooth

LARGEST_GRAIN = 6 / 127.5
"""Of stronger noise only this much comes back, for it is damage: 6 of 255 levels."""

_SMALLEST_GRAIN = 0.5 / 127.5
"""Half a level is what rounding to 8 bits leaves."""

_FLAT_SHARE = 0.25
"""This part of the skin, with the least slope, is taken for flat."""

_FEWEST_PX = 100
"""From fewer flat pixels nothing is measured."""

# Immerkaer, Fast noise variance estimation (1996): blind to planes; of norm 6.
_RESIDUAL = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6


def missing_grain(result: Tensor, photo: Tensor, skin: Tensor) -> Tensor:
    """Return the noise that a picture lacks to be as grainy as the photo.

    Fine noise and noise twice as coarse are measured apart, as are brightness and colour: the
    grain of film, of sensors and of compressed pictures differ in these.

    Args:
        result: `(1, 3, H, W)` in [-1, 1].
        photo: `(1, 3, H, W)` in [-1, 1].
        skin: `(1, 1, H, W)` bool, where skin may be looked at.

    Returns:
        `(1, 3, H, W)` of mean 0, the same whenever it is asked for; zeros where nothing is missing.
    """
    flat = _flat(result, photo, skin)
    if flat is None:
        return torch.zeros_like(result)
    share = min(1.0, LARGEST_GRAIN / max(_deviation(photo, flat), 1e-6))
    grain = torch.zeros_like(result)
    for brightness in (True, False):
        ours, theirs = (_levels(_part(image, brightness), flat) for image in (result, photo))
        wanted = [
            max(0.0, (share * goal) ** 2 - own**2) if goal > _SMALLEST_GRAIN else 0.0
            for own, goal in zip(ours, theirs, strict=True)
        ]
        if any(wanted):
            a, b = _amounts(wanted, *_levels_of_noise(brightness))
            fine, coarse = _noises(result.shape[-2], result.shape[-1], brightness)
            grain = grain + a * fine + b * coarse
    return grain


def _noises(height: int, width: int, brightness: bool) -> tuple[Tensor, Tensor]:
    """Return white noise, and such of half the size enlarged; of grey or of colour alone."""
    generator = torch.Generator().manual_seed(int(brightness))
    channels = 1 if brightness else 3
    fine = torch.randn(1, channels, height, width, generator=generator)
    half = torch.randn(1, channels, (height + 1) // 2, (width + 1) // 2, generator=generator)
    coarse = resize(half, height, width)
    if brightness:
        return fine, coarse
    return fine - fine.mean(1, keepdim=True), coarse - coarse.mean(1, keepdim=True)


@cache
def _levels_of_noise(brightness: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    everywhere = torch.ones(1, 1, 256, 256, dtype=torch.bool)
    fine, coarse = _noises(256, 256, brightness)
    return _levels(fine, everywhere), _levels(coarse, everywhere)


def _amounts(
    wanted: Sequence[float], fine: Sequence[float], coarse: Sequence[float]
) -> tuple[float, float]:
    """Return how much of two noises adds up to the variances wanted at two scales.

    Args:
        wanted: Variance at full and at half size.
        fine: Standard deviations of the finer noise at both.
        coarse: Those of the coarser noise.
    """
    # a^2 fine + b^2 coarse = wanted, at both scales; neither may be negative.
    whole = fine[0] ** 2 * coarse[1] ** 2 - fine[1] ** 2 * coarse[0] ** 2
    if whole <= 0:
        return 0.0, 0.0
    b2 = max(0.0, fine[0] ** 2 * wanted[1] - fine[1] ** 2 * wanted[0]) / whole
    a2 = max(0.0, wanted[0] - b2 * coarse[0] ** 2) / fine[0] ** 2
    return a2**0.5, b2**0.5


def _part(image: Tensor, brightness: bool) -> Tensor:
    mean = image.mean(1, keepdim=True)
    return mean if brightness else image - mean


def _levels(image: Tensor, flat: Tensor) -> tuple[float, float]:
    """Return the noise's standard deviation in flat places, at full and at half size."""
    level = _deviation(image, flat)
    half = F.avg_pool2d(image, 2)
    shown = F.avg_pool2d(flat.float(), 2) > 0.99
    return level, _deviation(half, shown) if int(shown.sum()) * 4 > _FEWEST_PX else level / 2


def _deviation(image: Tensor, flat: Tensor) -> float:
    channels = image.shape[1]
    window = _RESIDUAL.view(1, 1, 3, 3).expand(channels, 1, 3, 3)
    residual = F.conv2d(F.pad(image, (1,) * 4, mode="replicate"), window, groups=channels)
    # The median absolute value heeds no edges; 1.4826 of it is a Gaussian's standard deviation.
    values = residual.abs()[flat.expand_as(residual)]
    return float(values.median()) * 1.4826


def _flat(result: Tensor, photo: Tensor, skin: Tensor) -> Tensor | None:
    """Return where skin is flat in both pictures, or None where there is too little of it."""
    if int(skin.sum()) * _FLAT_SHARE < _FEWEST_PX:
        return None
    slopes: list[Tensor] = []
    # Noise has slopes of its own, which smoothing removes; freckles are to be found all the same.
    for image, sigma in ((result, 1.0), (photo, 2.0)):
        grey = smooth(image.mean(1, keepdim=True), sigma)
        across = F.pad(grey.diff(dim=-1), (0, 1, 0, 0), mode="replicate")
        down = F.pad(grey.diff(dim=-2), (0, 0, 0, 1), mode="replicate")
        slopes.append((across**2 + down**2).sqrt())
    ranks = torch.maximum(*(slope / slope[skin].median().clamp(min=1e-6) for slope in slopes))
    limit = ranks[skin].kthvalue(max(1, round(_FLAT_SHARE * int(skin.sum())))).values
    return skin & (ranks <= limit)

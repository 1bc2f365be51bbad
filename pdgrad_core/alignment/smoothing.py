"""Gaussian smoothing of any width, at a cost that hardly grows with it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import resize

_WIDEST_PX = 4.0
"""Wider windows are applied to a shrunk image."""


def smooth(image: Tensor, sigma_px: float) -> Tensor:
    """Convolve with a Gaussian; beyond the edges the image goes on as at the edge.

    Args:
        image: `(B, C, H, W)` float32.
        sigma_px: Standard deviation; 0 changes nothing.

    Returns:
        The same shape. The window ends at three standard deviations, so what is exactly 0 stays so
        beyond that reach (and a few shrunk pixels, where the image was shrunk).
    """
    if sigma_px < 0.2:
        return image
    height, width = image.shape[-2:]
    shrunk = max(1, math.floor(sigma_px / _WIDEST_PX))
    small = image
    if shrunk > 1:
        small = resize(image, max(1, round(height / shrunk)), max(1, round(width / shrunk)))
    sigma = sigma_px / shrunk
    radius = math.ceil(3 * sigma)
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
    window = torch.exp(-0.5 * (offset / sigma) ** 2)
    channels = image.shape[1]
    row = (window / window.sum()).view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    padded = F.pad(small, (radius,) * 4, mode="replicate")
    small = F.conv2d(F.conv2d(padded, row, groups=channels), row.mT, groups=channels)
    return resize(small, height, width)


def smooth_within(image: Tensor, weight: Tensor, sigma_px: float) -> tuple[Tensor, Tensor]:
    """Smooth an image of which each pixel counts by its weight.

    Args:
        image: `(B, C, H, W)` float32.
        weight: `(B, 1, H, W)` from 0 to 1.
        sigma_px: Standard deviation of the Gaussian.

    Returns:
        The weighted local mean (0 where nothing near counts), and the smoothed weight.
    """
    around = smooth(weight, sigma_px)
    return smooth(image * weight, sigma_px) / around.clamp(min=1e-4), around

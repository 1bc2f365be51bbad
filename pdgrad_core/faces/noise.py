"""A tile of smooth noise, drawn once from a fixed seed, that skin, hair and cloth read."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 256


@lru_cache(maxsize=4)
def _tile(device: torch.device) -> Tensor:
    """Two periodic noises, zero mean and unit deviation, (1, 2, TILE + 1, TILE + 1).

    Channel 0 has all scales (1/f), channel 1 only grains of about 5 samples.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7, 2024])))
    fx = np.fft.fftfreq(TILE)[None, :] * TILE
    fy = np.fft.fftfreq(TILE)[:, None] * TILE
    radius = np.sqrt(fx**2 + fy**2)
    filters = (1.0 / np.maximum(radius, 2.0) ** 1.3, np.exp(-(((radius - 46.0) / 14.0) ** 2)))
    layers = []
    for gain in filters:
        spectrum = np.fft.fft2(generator.standard_normal((TILE, TILE))) * gain
        layer = np.real(np.fft.ifft2(spectrum))
        layer = (layer - layer.mean()) / layer.std()
        layers.append(np.pad(layer, ((0, 1), (0, 1)), mode="wrap"))
    return torch.from_numpy(np.stack(layers)[None].astype(np.float32)).to(device)


def noise(u: Tensor, v: Tensor, channel: int) -> Tensor:
    """Periodic noise at tile coordinates.

    Args:
        u: (B, H, W), one unit is a whole tile, any range.
        v: (B, H, W), likewise.
        channel: 0 for all scales, 1 for grain.

    Returns:
        Zero-mean, unit-deviation noise, (B, H, W).
    """
    batch, height, width = u.shape
    grid = torch.stack((u - u.floor(), v - v.floor()), dim=-1).mul_(2.0).sub_(1.0)
    grid = grid.view(1, batch * height, width, 2)
    layer = _tile(u.device)[:, channel : channel + 1]
    return F.grid_sample(layer, grid, mode="bilinear", align_corners=True).view(u.shape)

"""Smooth synthetic photos whose value is known at every position, between pixels too."""

import numpy as np
import torch
from torch import Tensor


def wave_values(x: np.ndarray, y: np.ndarray, period_px: float = 40.0) -> np.ndarray:
    """Return RGB in [-1, 1] at positions, stacked in front: `(3, ...)`."""
    turn = 2 * np.pi / period_px
    return np.stack(
        [
            0.8 * np.sin(turn * x) * np.cos(turn * y),
            0.8 * np.cos(turn * (x + 2 * y) / 2),
            0.8 * np.sin(turn * (x - y) / 2),
        ]
    )


def wave_photo(height: int, width: int, period_px: float = 40.0) -> Tensor:
    """Return a photo `(1, 3, height, width)` float32."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return torch.from_numpy(wave_values(x, y, period_px)).float()[None]

"""Oklab, in which equal steps of lightness and colour look equal."""

import torch
from torch import Tensor

# Source: Ottosson, A perceptual color space for image processing (2020): linear sRGB to the cones'
# responses, and their cube roots to L, a, b.
_TO_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
_TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)
_FROM_CONES = torch.linalg.inv(_TO_CONES)
_FROM_LAB = torch.linalg.inv(_TO_LAB)


def to_oklab(image: Tensor) -> Tensor:
    """Return L (0 black to 1 white), a and b of sRGB images.

    Args:
        image: `(B, 3, H, W)` in [-1, 1].

    Returns:
        `(B, 3, H, W)` float32.
    """
    encoded = ((image.float() + 1) / 2).clamp(0, 1)
    linear = torch.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )  # fmt: skip
    return _mixed(_mixed(linear, _TO_CONES).clamp(min=0) ** (1 / 3), _TO_LAB)


def from_oklab(lab: Tensor) -> Tensor:
    """Return sRGB in [-1, 1] of `(B, 3, H, W)` L, a, b; what no screen can show is clipped."""
    linear = _mixed(_mixed(lab.float(), _FROM_LAB) ** 3, _FROM_CONES).clamp(0, 1)
    encoded = torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )  # fmt: skip
    return encoded * 2 - 1


def _mixed(image: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix.to(image), image)

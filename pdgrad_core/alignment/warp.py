"""Resampling an image along a similarity, with antialiasing where it shrinks."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import resize
from .face import Points

Border = Literal["reflect", "constant"]

BORDERS: tuple[Border, ...] = ("reflect", "constant")

GREY = (132 / 127.5 - 1, 133 / 127.5 - 1, 135 / 127.5 - 1)
"""RGB of a constant border: facexlib's grey."""

# Reach of the bicubic kernel in output pixels, and a little more.
_MARGIN = 4.0


def warp(
    image: Tensor, to_source: Points, height: int, width: int, border: Border = "reflect"
) -> Tensor:
    """Sample an image at the positions that a similarity gives for each output pixel.

    Where the output is coarser than the image, the part in use is first shrunk with antialiasing
    to the output's density; then it is sampled bicubically.

    Args:
        image: `(1, C, H, W)` float; a gradient may pass through it.
        to_source: `(2, 3)` matrix from output to image coordinates, pixel centres at integers.
        height: Height of the output in pixels.
        width: Width of the output in pixels.
        border: Beyond the image's edges: "reflect" mirrors it, "constant" is grey (RGB images).

    Returns:
        `(1, C, height, width)` float32, of a float64 image float64; bicubic sampling may overshoot
        the image's range.
    """
    image = image if image.dtype == torch.float64 else image.float()
    fill = torch.zeros(1).to(image)
    if border == "constant":
        fill = torch.tensor(GREY).view(1, 3, 1, 1).to(image)
        image = image - fill
    image, to_source = _part_in_use(image, to_source, height, width)
    grid = _positions(to_source, height, width)
    size = np.array([image.shape[-1], image.shape[-2]])
    # grid_sample's own coordinates: -1 and 1 are the outer edges of the first and last pixel.
    positions = (2 * grid + 1) / size - 1
    if image.dtype != torch.float64:
        positions = positions.astype(np.float32)  # not every device has float64
    normalised = torch.from_numpy(positions).to(image.device)
    sampled = F.grid_sample(
        image,
        normalised[None],
        mode="bicubic",
        padding_mode="reflection" if border == "reflect" else "zeros",
        align_corners=False,
    )
    return sampled + fill


def edge_distance(to_source: Points, height: int, width: int, size_px: int) -> Tensor:
    """Return how far inside a square image each output pixel falls, negative outside it.

    Args:
        to_source: `(2, 3)` matrix from output to image coordinates.
        height: Height of the output in pixels.
        width: Width of the output in pixels.
        size_px: Side of the square image.

    Returns:
        `(1, 1, height, width)` float32: distance to the nearest outer edge, image pixels.
    """
    grid = _positions(to_source, height, width)
    inside = np.minimum(grid + 0.5, size_px - 0.5 - grid).min(axis=-1)
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def _positions(to_source: Points, height: int, width: int) -> Points:
    """Return the image position `(height, width, 2)` of every output pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return np.stack([x, y], axis=-1) @ to_source[:, :2].T + to_source[:, 2]


def _part_in_use(
    image: Tensor, to_source: Points, height: int, width: int
) -> tuple[Tensor, Points]:
    """Cut out what the output shows, and shrink it to the output's density if it is finer."""
    density = float(np.sqrt(abs(np.linalg.det(to_source[:, :2]))))
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    corners = corners @ to_source[:, :2].T + to_source[:, 2]
    reach = _MARGIN * max(density, 1.0)
    low, high = corners.min(axis=0) - reach, corners.max(axis=0) + reach
    size = np.array([image.shape[-1], image.shape[-2]])
    # What lies beyond an edge is mirrored, so as much must be there on this side of it.
    low, high = (
        np.minimum(low, 2 * (size - 1) - high),
        np.maximum(high, -low),
    )
    left, top = np.clip(np.floor(low), 0, size - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, size - 1).astype(int).tolist()
    part = image[..., top : bottom + 1, left : right + 1]
    to_source = to_source - np.array([[0, 0, left], [0, 0, top]])
    if density <= 1:
        return part, to_source
    before = np.array([part.shape[-1], part.shape[-2]])
    after = np.maximum(1, np.round(before / density)).astype(int)
    part = resize(part, int(after[1]), int(after[0]), "bicubic")
    ratio = (after / before)[:, None]
    moved = to_source * ratio
    moved[:, 2] += 0.5 * ratio[:, 0] - 0.5
    return part, moved

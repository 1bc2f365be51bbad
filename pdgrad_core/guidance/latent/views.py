"""What of a sampled picture the guidance looks at: the whole of it, or faces cut out as aligned.

Only the latent window around a face is decoded. That leaves most of a large picture's cost away;
what a decoder takes over the whole picture (attention, group norms) it takes over the window then.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ...alignment.align import AlignedFace
from ...alignment.face import Points, invert
from ...alignment.warp import warp
from ...errors import InvalidInputError
from .decoding import clamped

MARGIN_CELLS = 8
"""What is decoded around a face, latent cells: a decoder's convolutions look about so far."""

ALMOST_ALL = 0.8
"""A window of more than this share of a picture is the whole of it."""


@dataclass(frozen=True, eq=False)
class View:
    """One face of one sampled picture, or the whole picture.

    Attributes:
        image: Which of the batch.
        top: Of the decoded window, latent cells.
        left: Likewise.
        height: Of the window, latent cells.
        width: Likewise.
        to_picture: `(2, 3)` matrix from the crop's pixels to the picture's; None for the picture
            itself.
        size_px: Side of the crop; 0 for the picture itself.
    """

    image: int
    top: int
    left: int
    height: int
    width: int
    to_picture: Points | None = None
    size_px: int = 0

    def latents(self, z: Tensor) -> Tensor:
        """Return the window of a batch's latents `(B, C, h, w)`, `(1, C, height, width)`."""
        rows = slice(self.top, self.top + self.height)
        return z[self.image : self.image + 1, :, rows, self.left : self.left + self.width]

    def cut(self, pixels: Tensor, scale: int, jitter: tuple[float, float] = (0.0, 0.0)) -> Tensor:
        """Return what is looked at, out of the window's pixels.

        Args:
            pixels: `(1, 3, height scale, width scale)` in [-1, 1].
            scale: Pixels per latent cell.
            jitter: By how much the view is off, x and y, its own pixels; whole ones where the view
                is a picture.

        Returns:
            `(1, 3, S, S)` of a face, else the pixels' shape; the gradient passes.
        """
        if self.to_picture is None:
            return _shifted(pixels, round(jitter[0]), round(jitter[1]))
        matrix = self.to_picture.copy()
        matrix[:, 2] += matrix[:, :2] @ np.array(jitter) - scale * np.array([self.left, self.top])
        return clamped(warp(pixels, matrix, self.size_px, self.size_px))


def _shifted(pixels: Tensor, x: int, y: int) -> Tensor:
    if x == y == 0:
        return pixels
    height, width = pixels.shape[-2:]
    wide = F.pad(pixels, (abs(x), abs(x), abs(y), abs(y)), mode="replicate")
    top, left = abs(y) + y, abs(x) + x
    return wide[..., top : top + height, left : left + width]


def views_of_pictures(shape: Sequence[int]) -> list[View]:
    """Return a view of every picture of a batch of latents `(B, C, h, w)`, whole."""
    return [View(image, 0, 0, shape[-2], shape[-1]) for image in range(shape[0])]


def views_of_faces(
    photos: Sequence[Sequence[AlignedFace]],
    photo_size: tuple[int, int],
    shape: Sequence[int],
    scale: int,
    windowed: bool = True,
    margin: int = MARGIN_CELLS,
) -> list[View]:
    """Return a view of every face of every sampled picture.

    Args:
        photos: The faces of each photo; of one photo, they hold for every picture.
        photo_size: Height and width of the photos, pixels.
        shape: Of the latents, `(B, C, h, w)`.
        scale: Pixels per latent cell.
        windowed: Whether only the window around a face is decoded.
        margin: What is decoded around a face, latent cells.

    Raises:
        InvalidInputError: The photos are not the pictures that are sampled, or show no face.
    """
    shift = _check_photos(len(photos), photo_size, shape, scale)
    if not any(photos):
        raise InvalidInputError(
            "The placement holds no face, so there is nothing to guide; look at the boxes that "
            "Align Faces draws."
        )
    found: list[View] = []
    for image in range(shape[0]):
        for face in photos[image if len(photos) > 1 else 0]:
            to_picture = invert(face.matrix)
            to_picture[:, 2] -= shift
            window = _window(to_picture, face.size_px, shape, scale, margin) if windowed else None
            top, left, height, width = window or (0, 0, shape[-2], shape[-1])
            found.append(View(image, top, left, height, width, to_picture, face.size_px))
    return found


def _check_photos(
    count: int, photo_size: tuple[int, int], shape: Sequence[int], scale: int
) -> Points:
    """Return by how much an encoder cropped the photos at the left and the top, pixels."""
    picture = (shape[-2] * scale, shape[-1] * scale)
    # Encoders drop what is no whole cell, half of it at each side.
    whole = tuple(side // scale * scale for side in photo_size)
    if whole != picture:
        raise InvalidInputError(
            f"The placement is of a photo of {photo_size[1]}x{photo_size[0]} pixels, but the "
            f"picture that is sampled has {picture[1]}x{picture[0]}; align the faces of the very "
            "picture that is encoded."
        )
    if count not in (1, shape[0]):
        raise InvalidInputError(
            f"The placement is of {count} photos, but {shape[0]} pictures are sampled; align one "
            "photo, or as many."
        )
    return np.array([(photo_size[1] % scale) // 2, (photo_size[0] % scale) // 2], dtype=np.float64)


def _window(
    to_picture: Points, size_px: int, shape: Sequence[int], scale: int, margin: int
) -> tuple[int, int, int, int] | None:
    """Return top, left, height and width around a crop, cells; None for the whole picture."""
    edge = size_px - 0.5
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    corners = corners @ to_picture[:, :2].T + to_picture[:, 2] + 0.5
    cells = np.array([shape[-1], shape[-2]])
    low = np.clip(np.floor(corners.min(axis=0) / scale) - margin, 0, cells - 1)
    high = np.clip(np.ceil(corners.max(axis=0) / scale) + margin, low + 1, cells)
    if math.prod((high - low).tolist()) > ALMOST_ALL * math.prod(cells.tolist()):
        return None
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    return top, left, bottom - top, right - left

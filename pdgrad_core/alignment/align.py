"""Cutting a face out of a photo, upright and at a fixed size."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image, resize
from ..parameters import Param
from .face import (
    TEMPLATE_SIZE_PX,
    Face,
    Points,
    invert,
    similarity_from_points,
    template,
    transform,
)
from .warp import BORDERS, Border, warp

MIN_CROP_PX, MAX_CROP_PX = 16, 4096


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face cut out of a photo, with the way back.

    Attributes:
        crop: `(1, 3, S, S)` in [-1, 1].
        matrix: `(2, 3)` from the photo's pixels to the crop's, pixel centres at integers.
        landmarks: `(5, 2)` or `(3, 2)`, in the crop's pixels.
        whole: Whether the crop is the whole photo, given as already aligned.
    """

    crop: Tensor
    matrix: Points
    landmarks: Points
    whole: bool = False

    @property
    def size_px(self) -> int:
        """Side of the crop in pixels."""
        return int(self.crop.shape[-1])

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel: above 1 the crop is an enlargement."""
        return float(np.sqrt(np.linalg.det(self.matrix[:, :2])))


def align_face(
    photo: Tensor,
    face: Face,
    size_px: int = TEMPLATE_SIZE_PX,
    border: Border = "reflect",
) -> AlignedFace:
    """Bring a face's landmarks to the FFHQ template by rotation, scale and shift.

    Source: the five-point FFHQ template of facexlib, which CodeFormer, GFPGAN and PGDiff use.
    Deviations: bicubic sampling, antialiased where the face is larger than the crop (theirs is
        bilinear and aliases); mirrored borders (theirs are grey: "constant").

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        face: A face with landmarks in the photo's pixels.
        size_px: Side of the crop, from 16 to 4096 pixels.
        border: What fills a crop that reaches beyond the photo: "reflect" or "constant".

    Returns:
        The crop, on the photo's device and in its dtype, with the way back.

    Raises:
        InvalidInputError: Not one image, or the landmarks are degenerate.
    """
    _check_one(photo, size_px)
    Param(choices=BORDERS).check("border", border)
    goal = template(len(face.landmarks), size_px)
    matrix = similarity_from_points(face.landmarks, goal)
    crop = warp(photo.detach().cpu(), invert(matrix), size_px, size_px, border).clamp(-1, 1)
    return AlignedFace(crop.to(photo), matrix, transform(matrix, face.landmarks))


def take_as_aligned(photo: Tensor, size_px: int = TEMPLATE_SIZE_PX) -> AlignedFace:
    """Take a photo that is an aligned face already; only its size is changed.

    Args:
        photo: `(1, 3, H, H)` in [-1, 1].
        size_px: Side of the crop, from 16 to 4096 pixels.

    Returns:
        The resized photo; its landmarks are the template's.

    Raises:
        InvalidInputError: The photo is not square.
    """
    _check_one(photo, size_px)
    height, width = photo.shape[-2:]
    if height != width:
        raise InvalidInputError(
            f"An aligned face is square, but this picture is {width}x{height} pixels; "
            "crop it, or let the face be found."
        )
    ratio = size_px / height
    matrix = np.array([[ratio, 0, 0.5 * ratio - 0.5], [0, ratio, 0.5 * ratio - 0.5]])
    crop = resize(photo.detach(), size_px, size_px, "bicubic").clamp(-1, 1)
    return AlignedFace(crop, matrix, template(5, size_px), whole=True)


def _check_one(photo: Tensor, size_px: int) -> None:
    check_image(photo, "The photo")
    if photo.shape[0] != 1:
        raise InvalidInputError(f"Expected one photo, found a batch of {photo.shape[0]}.")
    Param(MIN_CROP_PX, MAX_CROP_PX, 1, "px").check("size_px", size_px)

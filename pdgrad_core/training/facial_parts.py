"""Left eye, right eye and mouth: where they lie in an aligned face, and cut out of it."""

import numpy as np
import torch
from torch import Tensor

from ..alignment.face import template
from ..errors import InvalidInputError

PARTS = ("left_eye", "right_eye", "mouth")
"""The parts that have discriminators of their own; left is the left of the picture."""

SIDES = {"left_eye": 3 / 16, "right_eye": 3 / 16, "mouth": 5 / 16}
"""Side of a part's square, of the picture's: 96 and 160 of 512 pixels, 12 and 20 of 64."""

LEAST_SIDE = 8
"""Pixels that two halvings leave a map of 2 x 2 from."""

# Points of the 68 that stand for a part: the rims of the eyes, the corners of the mouth.
_OF_68 = {"left_eye": (36, 42), "right_eye": (42, 48), "mouth": (48, 55)}
_MOUTH_CORNERS_OF_68 = [48, 54]


def template_landmarks(count: int, size: int) -> Tensor:
    """Return the alignment template's five points for a batch, `(count, 5, 2)` in pixels."""
    points = torch.from_numpy(np.asarray(template(5, size))).float()
    return points.expand(count, 5, 2)


def part_centres(landmarks: Tensor, size: int) -> dict[str, Tensor]:
    """Return the middle of every part.

    Args:
        landmarks: `(B, 5, 2)` eyes, nose, mouth corners, or the usual 68 points, `(B, 68, 2)`;
            pixels `(x, y)`, whole numbers being pixel centres.
        size: The pictures' side in pixels.

    Returns:
        By part, `(B, 2)`.

    Raises:
        InvalidInputError: Another number of points, or a part's middle outside the picture.
    """
    if landmarks.ndim != 3 or landmarks.shape[1] not in (5, 68) or landmarks.shape[2] != 2:
        raise InvalidInputError(
            "Expected landmarks (B, 5, 2) or (B, 68, 2), pixels (x, y), for the discriminators of "
            f"facial parts; found {tuple(landmarks.shape)}."
        )
    if landmarks.shape[1] == 5:
        found = {"left_eye": landmarks[:, 0], "right_eye": landmarks[:, 1]}
        found["mouth"] = landmarks[:, 3:].mean(1)
    else:
        eyes = {part: landmarks[:, slice(*_OF_68[part])].mean(1) for part in PARTS[:2]}
        found = {**eyes, "mouth": landmarks[:, _MOUTH_CORNERS_OF_68].mean(1)}
    for part, centres in found.items():
        _check_inside(part, centres, size)
    return found


def crop_parts(
    images: Tensor, centres: dict[str, Tensor], sides: dict[str, float] = SIDES
) -> dict[str, Tensor]:
    """Cut every part out of every picture, pixel for pixel.

    Source: GAN prior section 3.4.
    Deviations: the paper resamples boxes (RoIAlign) and gives no sizes; here boxes have one size
        and begin at whole pixels, which leaves the sharpness that is judged as it is. A box that
        would reach beyond the picture is moved inside.

    Args:
        images: `(B, C, S, S)`.
        centres: See `part_centres`.
        sides: Of a part's box, of S.

    Returns:
        By part, `(B, C, s, s)`.
    """
    return {part: _cropped(images, centres[part], _side(sides[part], images)) for part in centres}


def mirrored_landmarks(landmarks: Tensor, size: int) -> Tensor:
    """Return the landmarks of mirrored pictures: left and right change places.

    Args:
        landmarks: `(B, 5, 2)` or `(B, 68, 2)` in pixels.
        size: The pictures' side in pixels.
    """
    order = _MIRRORED_5 if landmarks.shape[1] == 5 else _MIRRORED_68
    moved = landmarks[:, list(order)].clone()
    moved[..., 0] = size - 1 - moved[..., 0]
    return moved


_MIRRORED_5 = (1, 0, 2, 4, 3)
_MIRRORED_68 = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
)  # fmt: skip


def _check_inside(part: str, centres: Tensor, size: int) -> None:
    outside = ((centres < -0.5) | (centres > size - 0.5) | centres.isnan()).any(1)
    if bool(outside.any()):
        x, y = centres[outside][0].tolist()
        raise InvalidInputError(
            f"The landmarks put the {part.replace('_', ' ')} at ({x:.1f}, {y:.1f}), outside the "
            f"picture of {size}x{size} pixels; give landmarks of the aligned face, in its pixels."
        )


def _side(fraction: float, images: Tensor) -> int:
    side = 4 * round(fraction * images.shape[-1] / 4)
    return min(max(side, LEAST_SIDE), images.shape[-1])


def _cropped(images: Tensor, centres: Tensor, side: int) -> Tensor:
    # The middle of pixels left ... left + side - 1 is left + (side - 1) / 2.
    corners = (centres - (side - 1) / 2).round().long().clamp(0, images.shape[-1] - side).tolist()
    if all(corner == corners[0] for corner in corners):
        left, top = corners[0]
        return images[..., top : top + side, left : left + side]
    parts = [
        image[:, top : top + side, left : left + side]
        for image, (left, top) in zip(images, corners, strict=True)
    ]
    return torch.stack(parts)

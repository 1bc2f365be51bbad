"""A preview that shows which faces were found, and how they are numbered."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..images import from_uint8, to_pil
from .align import AlignedFace
from .choose import left_to_right
from .face import Face, Points, box_in_photo

BOX_COLOUR = (64, 220, 96)
POINT_COLOUR = (255, 64, 64)


def draw_faces(photo: Tensor, faces: Sequence[Face]) -> Tensor:
    """Draw boxes, landmarks, scores, and the numbers by which `choose_faces` knows the faces.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        faces: The faces found in it.

    Returns:
        A drawn-on copy, `(1, 3, H, W)` in [-1, 1], dtype and device of the photo.
    """
    ordered = left_to_right(faces)
    labels = [f"{number}  {face.score:.2f}" for number, face in enumerate(ordered)]
    return draw_labels(photo, [(face.box, face.landmarks) for face in ordered], labels)


def draw_names(photo: Tensor, faces: Sequence[AlignedFace], names: Sequence[str]) -> Tensor:
    """Draw who is who.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        faces: Cut out of it.
        names: What stands at each.
    """
    boxes = [(box_in_photo(face.matrix, face.size_px), None) for face in faces]
    return draw_labels(photo, boxes, names)


def draw_labels(
    photo: Tensor,
    faces: Sequence[tuple[tuple[float, float, float, float], Points | None]],
    labels: Sequence[str],
) -> Tensor:
    """Draw boxes with words in their corners, and points where there are some."""
    from PIL import ImageDraw, ImageFont

    picture = to_pil(photo)
    pen = ImageDraw.Draw(picture)
    stroke = max(1, round(max(picture.size) / 400))
    font = ImageFont.load_default(size=max(12, max(picture.size) // 36))
    for ((left, top, right, bottom), points), label in zip(faces, labels, strict=True):
        pen.rectangle((left, top, right, bottom), outline=BOX_COLOUR, width=stroke)
        for x, y in () if points is None else points.tolist():
            pen.ellipse((x - stroke, y - stroke, x + stroke, y + stroke), fill=POINT_COLOUR)
        corner = (left + 2 * stroke, top + stroke)
        pen.text(corner, label, fill=BOX_COLOUR, font=font, stroke_width=1, stroke_fill=(0, 0, 0))
    return from_uint8(torch.from_numpy(np.array(picture))[None]).to(photo)

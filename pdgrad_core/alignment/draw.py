"""A preview that shows which faces were found, and how they are numbered."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..images import from_uint8, to_pil
from .choose import left_to_right
from .face import Face

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
    from PIL import ImageDraw, ImageFont

    picture = to_pil(photo)
    pen = ImageDraw.Draw(picture)
    stroke = max(1, round(max(picture.size) / 400))
    font = ImageFont.load_default(size=max(12, max(picture.size) // 36))
    for number, face in enumerate(left_to_right(faces)):
        left, top, right, bottom = face.box
        pen.rectangle((left, top, right, bottom), outline=BOX_COLOUR, width=stroke)
        for x, y in face.landmarks.tolist():
            pen.ellipse((x - stroke, y - stroke, x + stroke, y + stroke), fill=POINT_COLOUR)
        label = f"{number}  {face.score:.2f}"
        corner = (left + 2 * stroke, top + stroke)
        pen.text(corner, label, fill=BOX_COLOUR, font=font, stroke_width=1, stroke_fill=(0, 0, 0))
    return from_uint8(torch.from_numpy(np.array(picture))[None]).to(photo)

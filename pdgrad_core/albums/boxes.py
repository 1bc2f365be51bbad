"""Faces given by hand in a text file, for what no detector finds."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..alignment.face import FFHQ_TEMPLATE, Face, face_from_landmarks
from ..errors import ImageError, InvalidInputError

LINE = "PHOTO: X Y WIDTH HEIGHT, or PHOTO: x,y x,y x,y x,y x,y"

LOW_THRESHOLD = 0.9
"""Lowest score of a face that is looked for where the user says there is one."""

_AROUND = 0.5
"""So much of the box's sides is looked at beyond it: detectors need some surroundings."""

# Where a box lies around a face on the template; see `alignment.face`.
_TEMPLATE_MIDDLE, _TEMPLATE_SIZE = (256.0, 280.0), (256.0, 336.0)


def read_boxes(path: Path, photos: Sequence[str]) -> dict[str, list[str]]:
    """Return what a file says of each photo.

    Args:
        path: A line for each face, see `LINE`; empty lines and those after "#" say nothing.
        photos: The album's photos.

    Raises:
        InvalidInputError: A line names no photo of the album, or is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path} cannot be read as text ({error}).") from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, place = line.rpartition(":")
        name = name.strip().replace("\\", "/")
        if not colon or not (_is_box(place) or "," in place):
            raise InvalidInputError(f"Line {number} of {path} is not {LINE}: {line.strip()!r}.")
        if name not in photos:
            raise InvalidInputError(
                f"Line {number} of {path} names {name!r}, which is no photo of the album; write "
                "its path within the album's folder."
            )
        found.setdefault(name, []).append(place.strip())
    return found


def given_faces(
    photo: Tensor, places: Sequence[str], detect: Callable[[Tensor, float], Sequence[Face]]
) -> list[Face]:
    """Return the faces that a photo's lines say.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        places: Boxes or landmarks.
        detect: Finds faces of a picture above a score.

    Raises:
        InvalidInputError: A place lies outside the photo, or is no face.
    """
    return [_given(photo, place, detect) for place in places]


def _given(photo: Tensor, place: str, detect: Callable[[Tensor, float], Sequence[Face]]) -> Face:
    height, width = photo.shape[-2:]
    if not _is_box(place):
        return face_from_landmarks(place, height, width)
    x, y, across, down = (float(one) for one in re.split(r"[\s,]+", place.strip()))
    if across < 8 or down < 8 or x + across <= 0 or y + down <= 0 or x >= width or y >= height:
        raise InvalidInputError(
            f"The box {place!r} (x, y, width, height) is none of at least 8 pixels in a photo of "
            f"{width}x{height}."
        )
    return _found_in(photo, (x, y, across, down), detect) or _upright(x, y, across, down)


def _found_in(
    photo: Tensor,
    box: tuple[float, float, float, float],
    detect: Callable[[Tensor, float], Sequence[Face]],
) -> Face | None:
    """Return the surest face whose middle lies in the box, in the photo's pixels."""
    x, y, across, down = box
    height, width = photo.shape[-2:]
    left, top = max(0, int(x - _AROUND * across)), max(0, int(y - _AROUND * down))
    right = min(width, int(x + (1 + _AROUND) * across) + 1)
    bottom = min(height, int(y + (1 + _AROUND) * down) + 1)
    for face in detect(photo[..., top:bottom, left:right], LOW_THRESHOLD):
        moved = shifted(face, left, top)
        middle = moved.landmarks.mean(axis=0)
        if x <= middle[0] <= x + across and y <= middle[1] <= y + down:
            return Face(moved.box, 1.0, moved.landmarks)
    return None


def _upright(x: float, y: float, across: float, down: float) -> Face:
    """Return an upright face that fills a box."""
    scale = (across / _TEMPLATE_SIZE[0] + down / _TEMPLATE_SIZE[1]) / 2
    middle = np.array([x + across / 2, y + down / 2])
    points = (FFHQ_TEMPLATE - np.array(_TEMPLATE_MIDDLE)) * scale + middle
    return Face((x, y, x + across, y + down), 1.0, points)


def shifted(face: Face, left: float, top: float) -> Face:
    """Return a face of a part of a photo in the photo's pixels."""
    x0, y0, x1, y1 = face.box
    box = (x0 + left, y0 + top, x1 + left, y1 + top)
    return Face(box, face.score, face.landmarks + np.array([left, top]))


def _is_box(place: str) -> bool:
    return re.fullmatch(r"\s*-?[\d.]+([\s,]+-?[\d.]+){3}\s*", place) is not None

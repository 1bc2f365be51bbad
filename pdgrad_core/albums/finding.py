"""Finding faces as old photos need it: small ones, those of scans on their side, no face twice."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ..alignment.choose import left_to_right
from ..alignment.detect import FaceDetector
from ..alignment.face import Face, Points
from .boxes import given_faces, shifted
from .choices import AlbumChoices

TILE_PX = 960
"""Side of the parts in which a large photo is looked at: detectors bring a photo to 640 pixels."""

_SHARED = 0.25
"""Neighbouring parts have so much in common: a face that one cuts is whole in the other."""

_EDGE_PX = 3
"""A box as near as this to the edge of a part is of a face that the part cuts."""

SAME_FACE = 0.4
"""Boxes that share more than this of their union are one face; of the smaller one, `INSIDE`."""

INSIDE = 0.7

SURE = 0.99
"""A face with a higher score is upright: drawn ones have 0.993 so, 0.972 to 0.989 otherwise."""

SURER = 1.3
"""Another turn has to be so much surer of its faces."""


def find_faces(
    photo: Tensor, detector: FaceDetector, choices: AlbumChoices, places: Sequence[str] = ()
) -> list[Face]:
    """Return the faces of a photo from left to right, each once.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1], upright as its file says.
        detector: Finds faces.
        choices: What is looked for.
        places: Faces given by hand; see `read_boxes`. They come before what is found there.
    """
    given = given_faces(photo, places, detector)
    found = _passes(photo, detector, choices)
    if choices.turns and not given and not any(map(_surely_upright, found)):
        found = _best_turn(photo, detector, choices, found)
    found = [face for face in found if _shorter_side(face) >= choices.smallest_px]
    return left_to_right(merged([*given, *found]))


def merged(faces: Sequence[Face]) -> list[Face]:
    """Return the faces without what shows one again; the first, then the surest, stays.

    Args:
        faces: Those given by hand have a score of 1.
    """
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_same(face, other) for other in kept):
            kept.append(face)
    return kept


def _same(first: Face, second: Face) -> bool:
    across = min(first.box[2], second.box[2]) - max(first.box[0], second.box[0])
    down = min(first.box[3], second.box[3]) - max(first.box[1], second.box[1])
    common = max(across, 0.0) * max(down, 0.0)
    smaller = min(first.area, second.area)
    union = first.area + second.area - common
    return common > SAME_FACE * union or common > INSIDE * smaller


def _shorter_side(face: Face) -> float:
    return min(face.box[2] - face.box[0], face.box[3] - face.box[1])


def _passes(photo: Tensor, detector: FaceDetector, choices: AlbumChoices) -> list[Face]:
    """Return what is found in the whole photo and in its parts."""
    found = list(detector(photo, choices.threshold))
    if choices.tiles and min(photo.shape[-2:]) > TILE_PX:
        for left, top in _tiles(photo.shape[-1], photo.shape[-2]):
            part = photo[..., top : top + TILE_PX, left : left + TILE_PX]
            faces = detector(part, choices.threshold)
            found += [
                shifted(face, left, top)
                for face in faces
                if not _cut(face, (left, top), part, photo)
            ]
    return merged(found)


def _tiles(width: int, height: int) -> Iterator[tuple[int, int]]:
    for top in _starts(height):
        for left in _starts(width):
            yield left, top


def _starts(side: int) -> list[int]:
    """Return where the parts of a side begin: evenly, with enough in common."""
    free = side - TILE_PX
    count = -(-free // round(TILE_PX * (1 - _SHARED)))
    return [round(free * i / count) for i in range(count + 1)]


def _cut(face: Face, place: tuple[int, int], part: Tensor, photo: Tensor) -> bool:
    """Return whether a part's inner edge cuts a face; the photo's own edge may."""
    left, top = place
    height, width = part.shape[-2:]
    x0, y0, x1, y1 = face.box
    return (
        (x0 < _EDGE_PX and left > 0)
        or (y0 < _EDGE_PX and top > 0)
        or (x1 > width - _EDGE_PX and left + width < photo.shape[-1])
        or (y1 > height - _EDGE_PX and top + height < photo.shape[-2])
    )


def _surely_upright(face: Face) -> bool:
    """Return whether nobody has to look at the photo on its side for a face's sake."""
    points = face.landmarks
    across, down = points[-2:].mean(axis=0) - points[:2].mean(axis=0)
    return face.score > SURE and bool(down > abs(across))


def _best_turn(
    photo: Tensor, detector: FaceDetector, choices: AlbumChoices, found: list[Face]
) -> list[Face]:
    """Return the faces of the quarter turn in which faces are surest.

    The small detector takes faces on their sides for upright ones, but is less sure of them: its
    landmarks do not tell, its scores do. Without a turn is right unless another is clearly surer.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        detector: Finds faces.
        choices: What is looked for.
        found: Without a turn.
    """
    height, width = photo.shape[-2:]
    best, most = found, SURER * _sureness(found, choices)
    for turns in (1, 3, 2):
        here = _passes(torch.rot90(photo, turns, (-2, -1)), detector, choices)
        if _sureness(here, choices) > most:
            most = _sureness(here, choices)
            best = [turned_back(face, turns, width, height) for face in here]
    return best


def _sureness(faces: Sequence[Face], choices: AlbumChoices) -> float:
    """Return how far above the threshold the faces are, together."""
    return sum(face.score - choices.threshold for face in faces)


def turned_back(face: Face, turns: int, width: int, height: int) -> Face:
    """Return a face of a turned photo in the pixels of the photo itself.

    Args:
        face: Found in `torch.rot90(photo, turns)`, which turns to the left.
        turns: 1 to 3.
        width: Of the photo, px.
        height: Likewise.
    """
    corners = np.array([[face.box[0], face.box[1]], [face.box[2], face.box[3]]])
    corners = _back(corners, turns, width, height)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = (float(left), float(top), float(right), float(bottom))
    return Face(box, face.score, _back(face.landmarks, turns, width, height))


def _back(points: Points, turns: int, width: int, height: int) -> Points:
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        return np.stack([width - 1 - y, x], axis=1)
    if turns == 2:
        return np.stack([width - 1 - x, height - 1 - y], axis=1)
    return np.stack([y, height - 1 - x], axis=1)

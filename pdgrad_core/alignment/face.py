"""A face in a photo, found or given by hand, and the template it is brought to.

Coordinates are pixels `(x, y)` whose integer values are pixel centres, y downwards. "Left" is the
left side of the picture.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInputError

Points = NDArray[np.float64]
"""`(N, 2)` float64, a row `(x, y)` per point."""

TEMPLATE_SIZE_PX = 512

FFHQ_TEMPLATE: Points = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)
"""Left eye, right eye, nose tip, left and right mouth corner of FFHQ faces at 512x512."""

# Where a detector puts its box around a face that lies on the template.
_BOX_IN_TEMPLATE: Points = np.array(
    [[128.0, 112.0], [384.0, 112.0], [384.0, 448.0], [128.0, 448.0]]
)

# Root mean square distance from the template, at 512 px, beyond which five points are no face. A
# full profile comes to 58; swapped mouth corners to 63, swapped eyes to 69, both to 79.
_LARGEST_MISFIT_PX = 60.0

# Landmarks whose extent in one direction is a smaller fraction than this of that in the other lie
# on a line, from which no face can be cut. A full profile comes to 0.36; of three points, to 0.1.
_LEAST_SPREAD = 0.05
# How far beyond the photo's edges a landmark may lie, of the face's width: an eye that is just cut
# off can be told, and its crop is filled by the mirrored photo.
_OUTSIDE_FRACTION = 0.25

_POINT_ORDER = "left eye, right eye, nose, left and right mouth corner (as seen in the picture)"


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a photo.

    Attributes:
        box: Left, top, right, bottom in pixels.
        score: The detector's confidence from 0 to 1; 1 for a face given by hand.
        landmarks: `(5, 2)` eyes, nose, mouth corners, or `(3, 2)` eyes and middle of the mouth.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Points

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def template(count: int, size_px: int = TEMPLATE_SIZE_PX) -> Points:
    """Return the template's points in a crop of `size_px`: all 5, or 3 (eyes, middle of mouth).

    Deviations: a crop of another size is the 512 crop resized, so that pixel centres are off by
        the usual half pixel; facexlib multiplies the coordinates alone.
    """
    points = FFHQ_TEMPLATE
    if count == 3:
        points = np.stack([points[0], points[1], points[3:].mean(axis=0)])
    return np.asarray((points + 0.5) * (size_px / TEMPLATE_SIZE_PX) - 0.5, dtype=np.float64)


def similarity_from_points(source: Points, target: Points) -> Points:
    """Return the rotation, scale and shift that brings points nearest to others.

    Source: Umeyama 1991, least squares, without reflection. In the plane a similarity is one
        complex factor: a = sum(conj(z) w) / sum |z|^2 for centred points z and w.
    Deviations: facexlib estimates by least median of squares, which is as good as free to drop two
        of five points; least squares heeds all of them.

    Args:
        source: `(N, 2)`, N at least 2.
        target: `(N, 2)`.

    Returns:
        `(2, 3)` float64 matrix: target = matrix @ (x, y, 1).

    Raises:
        InvalidInputError: The source points coincide.
    """
    centre, goal = source.mean(axis=0), target.mean(axis=0)
    z = (source - centre) @ np.array([1, 1j])
    w = (target - goal) @ np.array([1, 1j])
    spread = float((np.abs(z) ** 2).sum())
    if spread < 1e-9:
        raise InvalidInputError("All landmarks lie at one point; give those of a face.")
    factor = complex((z.conj() * w).sum() / spread)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    if abs(factor) < 1e-9:
        raise InvalidInputError(f"The landmarks do not look like a face; give {_POINT_ORDER}.")
    return np.hstack([turn, (goal - turn @ centre)[:, None]])


def invert(matrix: Points) -> Points:
    """Return the `(2, 3)` matrix of the opposite direction."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.hstack([inverse, -inverse @ matrix[:, 2:]], dtype=np.float64)


def transform(matrix: Points, points: Points) -> Points:
    """Apply a `(2, 3)` matrix to points `(N, 2)`."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def parse_landmarks(landmarks: str | Sequence[Sequence[float]]) -> Points:
    """Read five (or three) points given by hand.

    Args:
        landmarks: Text "x,y x,y x,y x,y x,y", or the same as nested lists. Five points: left eye,
            right eye, nose, left and right mouth corner, left and right as in the picture. Three:
            left eye, right eye, middle of the mouth.

    Returns:
        `(5, 2)` or `(3, 2)` in pixels.

    Raises:
        InvalidInputError: Not five or three pairs of finite numbers.
    """
    rows = landmarks
    if isinstance(landmarks, str):
        rows = re.split(r"[;\s]+", re.sub(r"\s*,\s*", ",", landmarks.strip()))
    try:
        points = np.array(
            [[float(n) for n in (row.split(",") if isinstance(row, str) else row)] for row in rows],
            dtype=np.float64,
        )
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"Landmarks must be numbers such as '193,240 319,240 257,314 201,371 313,371', "
            f"not {landmarks!r}."
        ) from error
    if points.shape not in ((5, 2), (3, 2)) or not np.isfinite(points).all():
        raise InvalidInputError(
            f"Expected 5 points x,y ({_POINT_ORDER}) or 3 (eyes, middle of the mouth), "
            f"found {landmarks!r}."
        )
    return points


def face_from_landmarks(
    landmarks: str | Sequence[Sequence[float]] | Points, height: int, width: int
) -> Face:
    """Make a face of points given by hand.

    Args:
        landmarks: As for `parse_landmarks`.
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.

    Returns:
        The face, with a box of the usual size around it. Landmarks may lie outside the photo by up
        to a quarter of the face's width, if their middle lies within.

    Raises:
        InvalidInputError: A point lies further outside, the points are in a wrong order, or they
            lie on a line.
    """
    points = landmarks if isinstance(landmarks, np.ndarray) else parse_landmarks(landmarks)
    _check_spread(points)
    goal = template(len(points))
    matrix = similarity_from_points(points, goal)
    misfit = np.sqrt(((transform(matrix, points) - goal) ** 2).sum(axis=1).mean())
    if misfit > _LARGEST_MISFIT_PX:
        raise InvalidInputError(
            f"The landmarks {points.round(1).tolist()} do not look like a face; the order is "
            f"{_POINT_ORDER}."
        )
    corners = transform(invert(matrix), _BOX_IN_TEMPLATE)
    face_px = float(np.linalg.norm(corners[1] - corners[0]))
    _check_within(points, _OUTSIDE_FRACTION * face_px, height, width)
    return Face(box_in_photo(matrix, TEMPLATE_SIZE_PX), 1.0, points)


def box_in_photo(matrix: Points, size_px: int) -> tuple[float, float, float, float]:
    """Return the box that a detector would put around a face: left, top, right, bottom.

    Args:
        matrix: `(2, 3)` from the photo's pixels to those of the aligned crop.
        size_px: Side of the crop.
    """
    box = (_BOX_IN_TEMPLATE + 0.5) * (size_px / TEMPLATE_SIZE_PX) - 0.5
    corners = transform(invert(matrix), box)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _check_spread(points: Points) -> None:
    """Raise InvalidInputError for points on a line: where the face is in it, nobody could say."""
    along, across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if across < _LEAST_SPREAD * along:
        raise InvalidInputError(
            f"The landmarks {points.round(1).tolist()} lie on a line, so they do not look like a "
            f"face; give {_POINT_ORDER}."
        )


def _check_within(points: Points, beyond_px: float, height: int, width: int) -> None:
    size = np.array([width, height])
    middle = points.mean(axis=0)
    far = (points < -0.5 - beyond_px).any() or (points > size - 0.5 + beyond_px).any()
    if far or (middle < -0.5).any() or (middle > size - 0.5).any():
        raise InvalidInputError(
            f"The landmarks {points.round(1).tolist()} do not lie within the photo, which is "
            f"{width}x{height} pixels; up to {beyond_px:.0f} pixels outside it (a quarter of this "
            "face's width) are accepted."
        )

"""Choosing which of a photo's faces are meant."""

from collections.abc import Sequence

from ..errors import InvalidInputError, NoFaceError, NoSuchFaceError
from .face import Face

CHOICES = ("largest", "all", "left-to-right")


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """Return the faces by the middle of their boxes from left to right; this numbers them."""
    return sorted(faces, key=lambda face: (face.box[0] + face.box[2], face.box[1]))


def choose_faces(faces: Sequence[Face], which: str | int | Sequence[int] = "largest") -> list[Face]:
    """Choose among the faces of a photo.

    Args:
        faces: The faces found.
        which: "largest"; "all", the largest first; "left-to-right", all in that order; or one or
            several numbers that count the faces from the left, starting at 0 (3, "3", "0,2").

    Returns:
        One face or more.

    Raises:
        NoFaceError: There is no face to choose from.
        InvalidInputError: There is no such choice.
        NoSuchFaceError: There is no face of that number.
    """
    if not faces:
        raise NoFaceError(
            "No face was found in this photo; give its landmarks by hand, lower the detection "
            "threshold, or say that the picture is an aligned face already."
        )
    by_size = sorted(faces, key=lambda face: -face.area)
    if which == "largest":
        return by_size[:1]
    if which == "all":
        return by_size
    ordered = left_to_right(faces)
    if which == "left-to-right":
        return ordered
    numbers = _numbers(which)
    for number in numbers:
        if not 0 <= number < len(ordered):
            raise NoSuchFaceError(
                f"There is no face {number}: this photo has {len(ordered)}, numbered from 0 to "
                f"{len(ordered) - 1} from left to right."
            )
    return [ordered[number] for number in numbers]


def _numbers(which: str | int | Sequence[int]) -> list[int]:
    try:
        numbers = [int(part) for part in which.split(",")] if isinstance(which, str) else which
    except ValueError:
        numbers = []
    numbers = [numbers] if isinstance(numbers, int) else list(numbers)
    if not numbers:
        raise InvalidInputError(
            f"A face is chosen by {', '.join(CHOICES)} or its number from the left, "
            f"starting at 0, not by {which!r}."
        )
    return numbers

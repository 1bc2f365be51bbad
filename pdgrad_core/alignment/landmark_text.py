"""Landmarks as text: a line per face, and one photo's apart from the next one's."""

import re

from ..errors import InvalidInputError
from .face import Face, face_from_landmarks

_HEADING = re.compile(r"\s*frame\s+(\d+)\s*:(.*)", re.IGNORECASE)


def landmarks_of_photos(text: str, photos: int) -> list[str]:
    """Divide landmarks among photos.

    Args:
        text: A line per face. Photos are told apart by an empty line between them, or by a line
            "frame N:" before each, counted from 0; a frame that is not named has no face. Without
            either, all lines hold for every photo.
        photos: Number of photos.

    Returns:
        Each photo's lines; empty for a photo without a face.

    Raises:
        InvalidInputError: The parts do not fit the photos.
    """
    if any(_HEADING.fullmatch(line) for line in text.splitlines()):
        return _under_headings(text, photos)
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text.strip())]
    if photos == 1 or len(blocks) == 1:
        return ["\n".join(blocks)] * photos
    if len(blocks) != photos:
        raise InvalidInputError(
            f"There are landmarks for {len(blocks)} photos, set apart by empty lines, but {photos} "
            "photos; give them for each, or name the frames that have a face by 'frame N:'."
        )
    return blocks


def faces_from_text(text: str, height: int, width: int) -> list[Face]:
    """Return the faces of one photo's landmarks.

    Args:
        text: A line per face; one face's points may also be written on several lines.
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.

    Raises:
        InvalidInputError: See `face_from_landmarks`.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if any(line.count(",") < 3 for line in lines):
        lines = [text]
    return [face_from_landmarks(line, height, width) for line in lines]


def _under_headings(text: str, photos: int) -> list[str]:
    found: dict[int, list[str]] = {}
    here: list[str] | None = None
    for line in text.splitlines():
        heading = _HEADING.fullmatch(line)
        if heading:
            here = _new_frame(found, int(heading[1]), photos)
            line = heading[2]
        if line.strip():
            if here is None:
                raise InvalidInputError(
                    f"The landmarks {line.strip()!r} stand before the first 'frame N:'; say whose "
                    "they are."
                )
            here.append(line.strip())
    return ["\n".join(found.get(number, [])) for number in range(photos)]


def _new_frame(found: dict[int, list[str]], number: int, photos: int) -> list[str]:
    if number >= photos:
        raise InvalidInputError(
            f"The landmarks name a frame {number}, but the {photos} photos count from 0 to "
            f"{photos - 1}."
        )
    if number in found:
        raise InvalidInputError(f"The landmarks name frame {number} twice; write its faces once.")
    found[number] = []
    return found[number]

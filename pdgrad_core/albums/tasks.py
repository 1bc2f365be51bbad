"""What is asked for a photo of an album, and what is answered: plain values that can travel."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ImageError, InvalidInputError, NoFaceError, NonFiniteError
from ..people.error_rates import ErrorRates

OF_ONE = (ImageError, InvalidInputError, NoFaceError, NonFiniteError)
"""Errors that lie in one photo; a missing network or a full disk would meet every one."""


@dataclass(frozen=True)
class LookTask:
    """A photo to be looked at.

    Attributes:
        path: Within the album.
        file: Where it is read.
        places: Faces given by hand; see `read_boxes`.
        said: Where the user said who is who.
        file_digest: Of the file.
        digest: Of all that the look depends on.
    """

    path: str
    file: Path
    places: list[str] = field(default_factory=list[str])
    said: list[tuple[float, float, str]] = field(default_factory=list[tuple[float, float, str]])
    file_digest: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Seen:
    """What was seen on a photo.

    Attributes:
        rows: A face each; see `Looker`.
        thumbs: Small pictures of the faces, "face0" and so on.
        error: Why nothing could be seen; empty where that went well.
    """

    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    thumbs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    error: str = ""


@dataclass(frozen=True)
class RestoreTask:
    """A photo some of whose faces are to be restored.

    Attributes:
        path: Within the album.
        file: Where it is read.
        rows: These faces, as they were seen.
        target: Where the result is written.
    """

    path: str
    file: Path
    rows: list[dict[str, Any]]
    target: Path


@dataclass(frozen=True)
class Restored:
    """A photo's result.

    Attributes:
        path: Within the album.
        seconds: Its share of the time.
        previews: Small pictures, "before" and "after".
        error: Why there is none; empty where it is written.
    """

    path: str
    seconds: float = 0.0
    previews: dict[str, bytes] = field(default_factory=dict[str, bytes])
    error: str = ""


@dataclass(frozen=True)
class Facts:
    """What results depend on besides the photos and the user's choices.

    Attributes:
        version: Of this package.
        size_px: Side of a face.
        detector: Kind of the detector.
        precision: In which the networks compute.
        networks: Digests of the models' files, by role.
        rates: The identity network's; None where there is none.
        faces_at_once: Faces restored together, at most.
        place: Name of the machine.
    """

    version: str
    size_px: int
    detector: str
    precision: str
    networks: dict[str, str]
    rates: ErrorRates | None
    faces_at_once: int
    place: str = ""

"""Known people, each with reference photos."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InvalidInputError
from ..parameters import Param
from .pose import Pose, pose_likeness

WEIGHTS = Param(0.0, 1000.0, 0.1)

_LEAST = 0.02
"""What a reference counts for at least, of the best one: five points only hint at a pose."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """One reference photo of a person.

    Attributes:
        source: What the user knows it by.
        crop: The aligned face, `(1, 3, S, S)` in [-1, 1].
        embedding: Of unit length, `(D,)`.
        pose: None where it is not known.
        sharpness: See `sharpness_of`.
        digest: Of the file; empty where there is none.
    """

    source: str
    crop: Tensor
    embedding: Tensor
    pose: Pose | None
    sharpness: float
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Person:
    """A person who may be on the photos.

    Attributes:
        name: As the user wrote it.
        portraits: One or more.
        weight: How strongly the portraits guide, against those of other people: the share of the
            references' part of the guidance, 1 by default.
    """

    name: str
    portraits: tuple[Portrait, ...]
    weight: float = 1.0

    def weights_for(self, pose: Pose | None) -> list[float]:
        """Return how much each portrait counts for a face, summing to 1.

        A portrait counts by the likeness of its pose to the face's, and by how sharp it is compared
        with the person's sharpest.

        Args:
            pose: The face's; None where it is not known.
        """
        sharpest = max(one.sharpness for one in self.portraits)
        found = [
            pose_likeness(pose, one.pose) * (one.sharpness / sharpest if sharpest > 0 else 1.0)
            for one in self.portraits
        ]
        best = max(found)
        if best <= 0:
            return [1 / len(found)] * len(found)
        found = [max(value, _LEAST * best) for value in found]
        return [value / sum(found) for value in found]


def person_from(name: str, portraits: Sequence[Portrait], weight: float = 1.0) -> Person:
    """Return a person.

    Raises:
        InvalidInputError: The name is empty or not one line, a weight out of range, or there is no
            portrait.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name or any(unicodedata.category(sign) == "Cc" for sign in name):
        raise InvalidInputError(f"A person needs a name of one line, not {name!r}.")
    WEIGHTS.check("weight", weight)
    if not portraits:
        raise InvalidInputError(f"{name} has no reference photo; give at least one, or leave out.")
    return Person(name, tuple(portraits), weight)


def check_people(people: Sequence[Person]) -> None:
    """Raise InvalidInputError where two people have one name."""
    known: dict[str, str] = {}
    for person in people:
        key = folded(person.name)
        if key in known:
            raise InvalidInputError(
                f"Two people are named {known[key]!r} and {person.name!r}; a report could not tell "
                "them apart, so rename one, or put their photos together."
            )
        known[key] = person.name


def folded(name: str) -> str:
    """Return a name as names are compared: without case, composed."""
    return unicodedata.normalize("NFC", name).strip().casefold()

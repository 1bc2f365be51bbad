"""From PDG_PEOPLE to people whom faces can be compared with, and who the faces of photos are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..pdgrad_core.alignment import faces_from_text
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.people import (
    Guide,
    Match,
    Person,
    Recognizer,
    ReferencePhoto,
    Similarities,
    check_people,
    guide_of,
    match_faces,
    match_report,
    person_from,
    portraits_of,
    pose_of,
)
from ..pdgrad_core.photos import FaceFinder
from .align import face_detector
from .boundary import stop_if_interrupted

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace, FaceDetector
    from ..pdgrad_core.restorers import Restorer
    from .sockets import KnownPeople, PersonPhotos


@dataclass
class WhoIsWho:
    """Compares the faces of photos with the people of a wire.

    Attributes:
        known: PDG_PEOPLE.
        recognizer: The identity network.
        size_px: Side of the crops.
        false_accept: Chance that a stranger is taken for anybody.
    """

    known: KnownPeople
    recognizer: Recognizer
    size_px: int
    false_accept: float

    @cached_property
    def people(self) -> list[Person]:
        """The people with the faces of their references.

        Raises:
            InvalidInputError: A reference without a face or with several, or two people of a name.
        """
        people = [self._person(one) for one in self.known]
        check_people(people)
        return people

    @cached_property
    def threshold(self) -> float:
        """The cosine that makes a face somebody's."""
        return self.recognizer.rates.threshold(self.false_accept, len(self.people))

    def matches(
        self,
        faces: Sequence[AlignedFace],
        coarse: Tensor | None = None,
        said: Sequence[str | None] | None = None,
    ) -> list[Match]:
        """Return who the faces of one photo are.

        Args:
            faces: All of them.
            coarse: Their coarse restorations, `(faces, 3, S, S)`; None where there are none.
            said: What the user said of each; see `match_faces`.
        """
        stop_if_interrupted()
        probes = self.recognizer.probe(torch.cat([face.crop for face in faces]), coarse)
        poses = [pose_of(face) for face in faces]
        alike = Similarities.of(probes, poses, self.people)
        return match_faces(alike, self.people, self.threshold, said)

    def guides(self, matches: Sequence[Match]) -> list[Guide]:
        """Return what guides each face."""
        return [guide_of(match, self.people) for match in matches]

    def report(self, matches: Sequence[Match]) -> str:
        """Return who the faces are, in words."""
        return match_report(matches, self.people, self.threshold, self.recognizer.rates)

    def _person(self, given: PersonPhotos) -> Person:
        def find(number: int, photo: Tensor) -> list[AlignedFace]:
            stop_if_interrupted()
            square = photo.shape[-2:] == (self.size_px, self.size_px)
            finder = FaceFinder(self.size_px, square, "left-to-right")
            if square:
                return finder(photo)
            text = given.landmarks[number]
            if text is not None:
                return finder.cut_typed(photo, faces_from_text(text, *photo.shape[-2:]))
            found = self._detector(photo)
            return finder.cut(photo, found) if found else []

        photos = [
            ReferencePhoto(f"{given.name}, photo {number}", lambda photo=photo: photo)
            for number, photo in enumerate(given.photos, start=1)
        ]
        return person_from(given.name, portraits_of(photos, find, self.recognizer), given.weight)

    @cached_property
    def _detector(self) -> FaceDetector:
        return face_detector()


def coarse_for_matching(restorer: Restorer | None, faces: Sequence[AlignedFace]) -> Tensor | None:
    """Return coarse restorations of faces that tell who they are.

    None where there is no restorer, or one whose answer costs a sampling.
    """
    if restorer is None or restorer.samples or restorer.depends_on_x_t:
        return None
    return restorer(torch.cat([face.crop for face in faces]))


def parse_said(text: str, faces: int) -> list[str | None]:
    """Return what the user said of each face, from lines "NUMBER: NAME".

    Args:
        text: The name may be "?" for an unknown face, or "-" for one that is left alone.
        faces: Number of faces on the photos.

    Raises:
        InvalidInputError: A line cannot be understood, or names no face.
    """
    said: list[str | None] = [None] * faces
    for line in filter(None, map(str.strip, text.splitlines())):
        number, colon, name = (part.strip() for part in line.partition(":"))
        if not colon or not number.isdecimal() or not name:
            raise InvalidInputError(
                f"corrections are lines such as '0: Anna', '1: ?' or '2: -', not {line!r}."
            )
        if int(number) >= faces:
            raise InvalidInputError(
                f"corrections name a face {number}, but there are {faces}, counted from 0."
            )
        said[int(number)] = name
    return said

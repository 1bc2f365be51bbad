"""Who is who on collages of photos: `pdgrad_core.evidence.matching` with recognisers of photos.

A collage is four aligned photos of the archive beside one another, found again by the detector. Its
people are those of split 1, whom nothing was trained on; error rates are from people of split 0,
whom the coarse restorer alone was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from laboratory_models import COARSE, FACERES, GUIDE
from people import FACE_PX, Archive
from recognisers import FaceRes, load_dlib, load_faceres
from torch import Tensor, nn

from pdgrad_core.alignment import load_yunet
from pdgrad_core.alignment.face import template
from pdgrad_core.degradations import degrade
from pdgrad_core.evidence.matching import (
    DEGRADATIONS,
    IN_PHOTO,
    PEOPLE,
    REFERENCES,
    STRANGERS,
    Scene,
    Tools,
    cosines_by_degradation,
    matching_table,
    strangers_of,
    threshold_table,
)
from pdgrad_core.features.arcface import ArcFace
from pdgrad_core.features.base import Features
from pdgrad_core.features.iresnet import EMBEDDING
from pdgrad_core.images import resize
from pdgrad_core.people import ErrorRates, Person, Portrait, Recognizer, sharpness_of
from pdgrad_core.people.error_rates import CHANCES
from pdgrad_core.restorers import load_restorer

PHOTO_PX = 128
SIZES = (128, 64, 32)
"""Of the photos in a collage, px."""

RECOGNISERS = ("dlib", "faceres")
MARGIN = 0.3
"""Plain border around a collage, of a photo's side."""


class FaceResIdentity(ArcFace):
    """faceres as a recogniser, the mean embedding of other people taken off.

    Args:
        network: faceres.
        mean: `(1024,)`.
    """

    low_taps = ("none", "none", "none")

    def __init__(self, network: FaceRes, mean: Tensor) -> None:
        self.network = network
        self.mean = mean

    @property
    def taps(self) -> Sequence[str]:
        """The embedding alone."""
        return (EMBEDDING,)

    @property
    def module(self) -> nn.Module | None:
        """None: its weights are buffers, and it stays where it is."""
        return None

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """See `FeatureNetwork`."""
        return self.network_features(image, taps)

    def network_features(self, face: Tensor, taps: Sequence[str]) -> Features:  # noqa: ARG002
        """See `ArcFace`."""
        return {EMBEDDING: self.network(face) - self.mean}


@dataclass(frozen=True)
class Collages:
    """Collages of people whom nothing was trained on.

    Attributes:
        archive: The photos.
        rounds: How often everybody is on a collage, with another photo each time if possible.
    """

    archive: Archive
    rounds: int

    @cached_property
    def rows(self) -> dict[int, list[int]]:
        """Return everybody's photos."""
        return self.archive.rows(1)

    @cached_property
    def pictures(self) -> list[Tensor]:
        """Return the collages themselves."""
        return [
            _side_by_side(self.archive.faces([row for _, row in on], PHOTO_PX))
            for on, _ in self.plan
        ]

    @cached_property
    def plan(self) -> list[tuple[list[tuple[int, int]], list[int]]]:
        """Return, for each collage, who is on it with which photo, and who is known."""
        known = [person for person, rows in self.rows.items() if len(rows) >= 2]
        strangers = [person for person, rows in self.rows.items() if len(rows) == 1]
        random = np.random.default_rng(0)
        found: list[tuple[list[tuple[int, int]], list[int]]] = []
        here = IN_PHOTO - STRANGERS
        for number in range(self.rounds):
            order = random.permutation(known).tolist()
            for first in range(0, len(order) - here + 1, here):
                inside = order[first : first + here]
                others = [one for one in order if one not in inside]
                people = [*inside, *random.permutation(others)[: PEOPLE - here].tolist()]
                on = [(one, self.rows[one][number % len(self.rows[one])]) for one in inside]
                taken = [strangers[(len(found) * STRANGERS + k) % len(strangers)]
                         for k in range(STRANGERS)]  # fmt: skip
                found.append(([*on, *((one, self.rows[one][0]) for one in taken)], people))
        return found

    def scenes(self, face_px: int, degradation: str) -> list[Scene]:
        """Return all collages at one size and degradation; see `scene`."""
        return [self.scene(number, face_px, degradation) for number in range(len(self.plan))]

    def scene(self, number: int, face_px: int, degradation: str) -> Scene:
        """Return a collage whose photos have a side of so many pixels."""
        on, people = self.plan[number]
        image = self.pictures[number]
        height, width = (round(side * face_px / PHOTO_PX) for side in image.shape[-2:])
        image = resize(image, height, width, "bicubic").clamp(-1, 1)
        ratio, margin = face_px / PHOTO_PX, round(MARGIN * PHOTO_PX)
        points = torch.from_numpy(template(5, PHOTO_PX)).float() + 0.5
        places = [points + torch.tensor([margin + k * PHOTO_PX, margin]) for k in range(len(on))]
        setting = DEGRADATIONS[degradation]
        if setting is not None:
            image = degrade(image, setting, [number])[0]
        names = [str(one) if one in people else None for one, _ in on]
        return Scene(image, torch.stack(places) * ratio - 0.5, tuple(names))

    def people(self, number: int, tools: Tools) -> list[Person]:
        """Return who is known at a collage, by photos that are not on it."""
        on, people = self.plan[number]
        shown = {row for _, row in on}
        return [
            _person(self.archive, one, [r for r in self.rows[one] if r not in shown], tools)
            for one in people
        ]


def _person(archive: Archive, label: int, rows: list[int], tools: Tools) -> Person:
    crops = archive.faces(rows[:REFERENCES])
    embeddings = tools.recognizer.embed(crops)
    portraits = [
        Portrait(str(row), crop[None], embedding, None, sharpness_of(crop[None]))
        for row, crop, embedding in zip(rows, crops, embeddings, strict=False)
    ]
    return Person(str(label), tuple(portraits))


def _side_by_side(photos: Tensor) -> Tensor:
    """Return photos in a row on plain grey."""
    margin = round(MARGIN * PHOTO_PX)
    row = torch.cat(list(photos), dim=2)
    return torch.nn.functional.pad(row, (margin,) * 4)[None]


def recognizer_of(name: str, folder: Path, others: Tensor) -> Recognizer:
    """Return a recogniser without error rates yet.

    Args:
        name: Of `RECOGNISERS`.
        folder: Of the networks, from `prepare`.
        others: Faces whose mean embedding is faceres's origin, `(N, 3, S, S)` in [-1, 1].
    """
    unknown = ErrorRates((0.5,), (1.0,), "not measured yet")
    if name == "dlib":
        return Recognizer(load_dlib(folder / GUIDE), unknown)
    faceres = load_faceres(folder / FACERES)
    mean = torch.cat([faceres(part) for part in others.split(32)]).mean(0)
    return Recognizer(FaceResIdentity(faceres, mean), unknown)


def compared(archive: Archive, people: int, tools: Tools) -> dict[str, Tensor]:
    """Return the cosines of people of split 0 with everybody's other photos."""
    pairs = [(one, rows) for one, rows in archive.rows(0).items() if len(rows) >= 2][:people]
    faces = archive.faces([rows[0] for _, rows in pairs])
    known = [_person(archive, one, rows[1:], tools) for one, rows in pairs]
    return cosines_by_degradation(tools, faces, known, [one for one, _ in pairs])


def measure(
    archive: Archive, networks: Path, recognizer: Recognizer, rounds: int, compare: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the tables of matches and of thresholds.

    Args:
        archive: The photos.
        networks: Folder from `prepare`.
        recognizer: Receives its error rates.
        rounds: See `Collages`.
        compare: People of split 0 for the error rates.
    """
    collages = Collages(archive, rounds)
    restorer = load_restorer("demo", networks / COARSE)
    tools = Tools(recognizer, restorer, load_yunet(), FACE_PX)
    cosines = compared(archive, compare, tools)
    recognizer.rates = ErrorRates.measured(strangers_of(cosines), CHANCES, f"{compare} people")
    people = [collages.people(number, tools) for number in range(len(collages.plan))]
    return matching_table(tools, collages.scenes, people, SIZES), threshold_table(cosines)

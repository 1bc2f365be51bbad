"""Who is who on group photos whose people are known: shares of the faces, and error rates.

A study brings scenes and people (drawn ones, or photos); looking at them, matching as an album
does, counting and the tables are shared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..alignment import AlignedFace, FaceDetector, align_face
from ..degradations.base import Degradation
from ..degradations.presets import degrade
from ..people import Match, Person, Probes, Recognizer, Similarities, match_faces, pose_of
from ..people.error_rates import FALSE_ACCEPT
from ..restorers import Restorer
from .statistics import interval, wilson

REFERENCES, PEOPLE, IN_PHOTO, STRANGERS = 3, 8, 4, 1
"""Photos of each person at most; known people; faces of a photo, and how many are unknown."""

FACES_PX = (128, 64, 32, 20)
DEGRADATIONS: Mapping[str, Degradation | None] = {
    "none": None,
    "mild": Degradation(
        kernel="gaussian", kernel_px=9, sigma_px=(1.0, 1.0), scale=2.0, noise_delta=6.0
    ),
    "heavy": Degradation(
        kernel="gaussian", kernel_px=21, sigma_px=(2.0, 2.0), scale=4.0, noise_delta=12.0,
        jpeg_quality=50,
    ),
}  # fmt: skip
SEEN_BY = ("face and coarse", "face", "coarse")

THRESHOLDS = (0.1, 0.2, 0.28, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Cosines at which both errors are told; 0.28 is `people.PUBLISHED`'s."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A group photo and who is on it.

    Attributes:
        image: `(1, 3, H, W)` in [-1, 1].
        landmarks: Where the faces are, `(N, 5, 2)` px.
        names: Of whom each face is; None for a stranger.
    """

    image: Tensor
    landmarks: Tensor
    names: tuple[str | None, ...]


@dataclass
class Tools:
    """The networks.

    Attributes:
        recognizer: With the error rates that its threshold follows from.
        restorer: Of the coarse faces.
        detector: Finds the faces.
        side: Of the aligned faces, px.
    """

    recognizer: Recognizer
    restorer: Restorer
    detector: FaceDetector
    side: int

    def probe(self, crops: Tensor) -> Probes:
        """Return what is known of faces."""
        return self.recognizer.probe(crops, self.restorer(crops))


def found_faces(scene: Scene, tools: Tools) -> dict[int, AlignedFace]:
    """Return the faces that are found, by their places in the scene."""
    found: dict[int, AlignedFace] = {}
    centres = scene.landmarks.mean(1)
    across = (scene.landmarks[:, 1] - scene.landmarks[:, 0]).norm(dim=1)
    for face in tools.detector(scene.image):
        middle = torch.from_numpy(face.landmarks).mean(0).float()
        distances = (centres - middle).norm(dim=1) / across
        place = int(distances.argmin())
        if distances[place] < 1 and place not in found:
            found[place] = align_face(scene.image, face, tools.side)
    return found


def seen_by(probes: Probes, which: str) -> Probes:
    """Return what one of the ways of looking knows."""
    if which == "face":
        return Probes(probes.own)
    return probes if which == "face and coarse" or probes.coarse is None else Probes(probes.coarse)


@dataclass
class Counts:
    """What became of the faces of a cell of the table.

    Attributes:
        known: Faces of known people; and how many of them were missed by the detector, matched
            with their person, with somebody else, or with nobody.
        strangers: Faces of others that were found, and how many were taken for somebody.
        names: The known people, each once.
    """

    known: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0
    unknown: int = 0
    strangers: int = 0
    accepted: int = 0
    names: set[str] = field(default_factory=set[str])

    def add(self, name: str | None, match: Match) -> None:
        """Count one face that was found."""
        if name is None:
            self.strangers += 1
            self.accepted += match.person is not None
        elif match.person is None:
            self.unknown += 1
        elif match.name == name:
            self.right += 1
        else:
            self.wrong += 1

    def row(self) -> dict[str, Any]:
        """Return the table's columns.

        Intervals are Wilson's. Several faces of one person are no more evidence than one: an
        interval's number is that of the people, by the share of their faces that were found.
        """
        found = self.known - self.missed
        people = found * len(self.names) / self.known if self.known else 0.0
        columns: dict[str, Any] = {"people": len(self.names), "known_faces": self.known}
        columns["found"] = found
        for label, count in (
            ("right", self.right),
            ("wrong", self.wrong),
            ("called_unknown", self.unknown),
        ):
            columns |= _share(label, count / found if found else 0.0, people)
        columns["strangers"] = self.strangers
        accepted = self.accepted / self.strangers if self.strangers else 0.0
        return columns | _share("stranger_accepted", accepted, self.strangers)


def _share(label: str, share: float, number: float) -> dict[str, Any]:
    low, high = wilson(share, number)
    texts = [f"{one:.3f}" for one in (share, low, high)]
    return dict(zip((label, f"{label}_low", f"{label}_high"), texts, strict=True))


def count_matches(
    tools: Tools, scenes: Sequence[Scene], people: Sequence[Sequence[Person]]
) -> dict[str, Counts]:
    """Match the faces of scenes, and return the counts by what was looked at.

    Args:
        tools: The networks.
        scenes: The photos.
        people: Who is known at each of them.
    """
    counts = {which: Counts() for which in SEEN_BY}
    for scene, known in zip(scenes, people, strict=True):
        threshold = tools.recognizer.rates.threshold(FALSE_ACCEPT, len(known))
        faces = found_faces(scene, tools)
        names = [name for name in scene.names if name is not None]
        missed = sum(
            name is not None and place not in faces for place, name in enumerate(scene.names)
        )
        for one in counts.values():
            one.known += len(names)
            one.names |= set(names)
            one.missed += missed
        if not faces:
            continue
        probes = tools.probe(torch.cat([face.crop for face in faces.values()]))
        poses = [pose_of(face) for face in faces.values()]
        for which, one in counts.items():
            alike = Similarities.of(seen_by(probes, which), poses, known)
            for place, match in zip(faces, match_faces(alike, known, threshold), strict=True):
                one.add(scene.names[place], match)
    return counts


def matching_table(
    tools: Tools,
    scenes: Callable[[int, str], Sequence[Scene]],
    people: Sequence[Sequence[Person]],
    sizes: Sequence[int] = FACES_PX,
) -> list[dict[str, Any]]:
    """Return a row for each degradation, size and way of looking.

    Args:
        tools: The networks.
        scenes: Given the faces' size in px and a degradation, the photos.
        people: Who is known at each photo.
        sizes: Of the faces, px.
    """
    return [
        {"degradation": degradation, "face_px": face_px, "seen": which, **one.row()}
        for degradation in DEGRADATIONS
        for face_px in sizes
        for which, one in count_matches(tools, scenes(face_px, degradation), people).items()
    ]


def cosines_by_degradation(
    tools: Tools, faces: Tensor, known: Sequence[Person], seeds: Sequence[int]
) -> dict[str, Tensor]:
    """Return the cosines of faces, degraded or not, with everybody, `(N, N)` each.

    Args:
        tools: The networks.
        faces: One of each person, aligned, `(N, 3, S, S)` in [-1, 1].
        known: The same people, from other photos.
        seeds: Of the degradations' noise.
    """
    found: dict[str, Tensor] = {}
    for name, setting in DEGRADATIONS.items():
        bad = faces if setting is None else degrade(faces, setting, list(seeds))[0]
        found[name] = Similarities.of(tools.probe(bad), [None] * len(faces), known).cosines
    return found


def strangers_of(cosines: Mapping[str, Tensor]) -> Tensor:
    """Return the cosines of different people, of all degradations together, `(M,)`."""
    return torch.cat([one[~torch.eye(len(one), dtype=torch.bool)] for one in cosines.values()])


def threshold_table(cosines: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Return how often strangers exceed a cosine, and how often people fall short of their own.

    Args:
        cosines: From `cosines_by_degradation`.

    Returns:
        A row for each degradation and threshold. The interval of a stranger's share is from
        resampled faces; that of people's own is Wilson's.
    """
    rows: list[dict[str, Any]] = []
    for degradation, found in cosines.items():
        number = len(found)
        others = ~torch.eye(number, dtype=torch.bool)
        for threshold in THRESHOLDS:
            above = (found > threshold) & others
            shares = above.sum(1).double().numpy() / (number - 1)
            false_accept = interval(shares, np.arange(number))
            texts = [f"{one:.5f}" for one in
                     (false_accept.mean, false_accept.low, false_accept.high)]  # fmt: skip
            names = ("false_accept", "false_accept_low", "false_accept_high")
            rejected = float((found.diagonal() <= threshold).double().mean())
            row: dict[str, Any] = {"degradation": degradation, "threshold": threshold}
            row |= {"people": number, **dict(zip(names, texts, strict=True))}
            rows.append(row | _share("false_reject", rejected, number))
    return rows

"""How often faces of drawn group photos get their own person: python scripts/measure_matching.py.

Writes docs/evidence/matching.csv and prints the cosines of strangers (`people/error_rates.py`).
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pdgrad_core.alignment import AlignedFace, FaceDetector, align_face, load_yunet
from pdgrad_core.degradations.base import Degradation
from pdgrad_core.degradations.presets import degrade
from pdgrad_core.embedded import SIZE_PX, demo_weights
from pdgrad_core.faces.group import Group, draw_group
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.images import resize
from pdgrad_core.people import (
    ErrorRates,
    Match,
    Person,
    Portrait,
    Probes,
    Recognizer,
    Similarities,
    match_faces,
    pose_of,
    sharpness_of,
)
from pdgrad_core.people.error_rates import CHANCES, FALSE_ACCEPT
from pdgrad_core.restorers import Restorer, load_restorer

OUT = Path(__file__).parents[1] / "docs" / "evidence" / "matching.csv"

REFERENCES, PEOPLE, IN_PHOTO, STRANGERS = 3, 8, 4, 1
"""Photos of each person; known people; faces of a photo, and how many of them are unknown."""

FACES_PX = (128, 64, 32, 20)
DEGRADATIONS = {
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


@dataclass
class Tools:
    """The networks."""

    recognizer: Recognizer
    restorer: Restorer
    detector: FaceDetector

    def probe(self, crops: Tensor) -> Probes:
        """Return what is known of faces."""
        return self.recognizer.probe(crops, self.restorer(crops))


def portraits(person: int, tools: Tools) -> tuple[Portrait, ...]:
    """Return a person's references."""
    views = [person * VIEWS_PER_PERSON + number for number in range(REFERENCES)]
    who = sample_identities([person] * REFERENCES)
    crops = render(who, sample_views(views), SIZE_PX, parts=False).images
    embeddings = tools.recognizer.embed(crops)
    return tuple(
        Portrait(str(view), crop[None], embedding, None, sharpness_of(crop[None]))
        for view, crop, embedding in zip(views, crops, embeddings, strict=True)
    )


def strangers(tools: Tools, people: int) -> Tensor:
    """Return cosines of the faces of people with everybody else's references, degraded or not."""
    seeds = [DRAWN_SEEDS["tuning"] + number for number in range(people)]
    views = [seed * VIEWS_PER_PERSON + 500 for seed in seeds]
    faces = render(sample_identities(seeds), sample_views(views), SIZE_PX, parts=False).images
    known = [Person(str(seed), portraits(seed, tools)) for seed in seeds]
    found: list[Tensor] = []
    for setting in DEGRADATIONS.values():
        bad = faces if setting is None else degrade(faces, setting, seeds)[0]
        cosines = Similarities.of(tools.probe(bad), [None] * people, known).cosines
        found.append(cosines[~torch.eye(people, dtype=torch.bool)])
    return torch.cat(found)


def photo(number: int, face_px: int, degradation: str) -> Group:
    """Draw a group photo whose portraits have a side of so many pixels."""
    seeds = in_photo(number)
    group = draw_group(seeds, [seed * VIEWS_PER_PERSON + 500 for seed in seeds], 128)
    ratio = face_px / SIZE_PX
    height, width = (round(side * ratio / 2) for side in group.image.shape[-2:])
    image = resize(group.image, height, width, "bicubic").clamp(-1, 1)
    landmarks = (group.landmarks + 0.5) * (ratio / 2) - 0.5
    setting = DEGRADATIONS[degradation]
    if setting is not None:
        image = degrade(image, setting, [number])[0]
    return Group(image, landmarks, group.cover)


def in_photo(number: int) -> list[int]:
    """Return who is on a photo; the last ones are strangers."""
    first = DRAWN_SEEDS["test"] + number * (PEOPLE + STRANGERS)
    known = list(range(first, first + IN_PHOTO - STRANGERS))
    return [*known, *range(first + PEOPLE, first + PEOPLE + STRANGERS)]


def known_in(number: int) -> list[int]:
    """Return who is known where a photo is looked at."""
    first = DRAWN_SEEDS["test"] + number * (PEOPLE + STRANGERS)
    return list(range(first, first + PEOPLE))


def found_faces(group: Group, detector: FaceDetector) -> dict[int, AlignedFace]:
    """Return the faces found, by their places in the group."""
    found: dict[int, AlignedFace] = {}
    centres = group.landmarks.mean(1)
    across = (group.landmarks[:, 1] - group.landmarks[:, 0]).norm(dim=1)
    for face in detector(group.image):
        middle = torch.from_numpy(face.landmarks).mean(0).float()
        distances = (centres - middle).norm(dim=1) / across
        place = int(distances.argmin())
        if distances[place] < 1 and place not in found:
            found[place] = align_face(group.image, face, SIZE_PX)
    return found


def seen_by(probes: Probes, which: str) -> Probes:
    """Return what one of the ways of looking knows."""
    if which == "face":
        return Probes(probes.own)
    return probes if which == "face and coarse" or probes.coarse is None else Probes(probes.coarse)


@dataclass
class Counts:
    """What became of the faces of a cell of the table."""

    known: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0
    unknown: int = 0
    strangers: int = 0
    accepted: int = 0

    def add(self, place: int, match: Match, person: int) -> None:
        """Count one face that was found."""
        if place >= IN_PHOTO - STRANGERS:
            self.strangers += 1
            self.accepted += match.person is not None
        elif match.person is None:
            self.unknown += 1
        elif match.name == str(person):
            self.right += 1
        else:
            self.wrong += 1


def cell(
    tools: Tools, photos: int, face_px: int, degradation: str, people: Sequence[Sequence[Person]]
) -> dict[str, Counts]:
    """Return the counts of one size and degradation, by what was looked at."""
    counts = {which: Counts() for which in SEEN_BY}
    threshold = tools.recognizer.rates.threshold(FALSE_ACCEPT, PEOPLE)
    for number in range(photos):
        group = photo(number, face_px, degradation)
        faces = found_faces(group, tools.detector)
        for one in counts.values():
            one.known += IN_PHOTO - STRANGERS
            one.missed += sum(place not in faces for place in range(IN_PHOTO - STRANGERS))
        if not faces:
            continue
        probes = tools.probe(torch.cat([face.crop for face in faces.values()]))
        poses = [pose_of(face) for face in faces.values()]
        who = in_photo(number)
        for which, one in counts.items():
            alike = Similarities.of(seen_by(probes, which), poses, people[number])
            matches = match_faces(alike, people[number], threshold)
            for place, match in zip(faces, matches, strict=True):
                one.add(place, match, who[place])
    return counts


def interval(count: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, count / of
    middle, spread = (
        share + z * z / (2 * of),
        z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)),
    )
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def row(face_px: int, degradation: str, which: str, one: Counts) -> list[str]:
    """Return a line of the table."""
    found = one.known - one.missed
    shares = [*_share(one.right, found), *_share(one.wrong, found), *_share(one.unknown, found)]
    stranger = _share(one.accepted, one.strangers)
    return [degradation, str(face_px), which, str(one.known), str(found), *shares,
            str(one.strangers), *stranger]  # fmt: skip


def _share(count: int, of: int) -> list[str]:
    return [f"{count / of if of else 0:.3f}", *(f"{one:.3f}" for one in interval(count, of))]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=40, help="of each size and degradation")
    parser.add_argument("--people", type=int, default=400, help="compared for the error rates")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    recognizer = Recognizer(load_arcface(demo_weights("arcface")))
    tools = Tools(recognizer, load_restorer("demo", demo_weights("restorer")), load_yunet())
    rates = ErrorRates.measured(strangers(tools, args.people), CHANCES, "drawn people")
    cosines = ", ".join(f"{one:.3f}" for one in rates.cosines)
    sys.stdout.write(f"cosines of strangers at {CHANCES}: {cosines}\n")
    recognizer.rates = rates
    people = [
        [Person(str(seed), portraits(seed, tools)) for seed in known_in(number)]
        for number in range(args.photos)
    ]
    names = ["degradation", "face_px", "seen", "known_faces", "found"]
    for share in ("right", "wrong", "called_unknown"):
        names += [share, f"{share}_low", f"{share}_high"]
    names += ["strangers", "stranger_accepted", "accepted_low", "accepted_high"]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for degradation in DEGRADATIONS:
            for face_px in FACES_PX:
                counts = cell(tools, args.photos, face_px, degradation, people)
                for which, one in counts.items():
                    table.writerow(row(face_px, degradation, which, one))
                file.flush()


if __name__ == "__main__":
    main()

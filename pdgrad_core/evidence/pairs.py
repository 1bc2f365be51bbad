"""Pairs of faces of one person: the truth to be restored, and the reference that helps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ..degradations import PRESETS, Degradation, Preset, degrade
from ..errors import InvalidInputError
from ..faces.identity import sample_identities
from ..faces.render import render
from ..faces.view import sample_views
from ..images import from_uint8
from ..training.dataset import (
    DRAWN_PEOPLE,
    DRAWN_SEEDS,
    VIEWS_PER_PERSON,
    StoredFaces,
    open_faces,
)

Split = Literal["tuning", "test"]

_HEAVY = PRESETS["pdgrad"]

DEGREES: Mapping[str, Preset] = {
    "heavy": _HEAVY,
    "mild": replace(
        _HEAVY,
        name="mild",
        source="half of PDGrad section 4.1.2 in every range",
        sigma_px=(0.1, 7.5),
        scale=(12.0, 20.0),
        noise_delta=(0.0, 10.0),
        jpeg_quality=(65, 100),
    ),
}
"""How badly the faces are degraded; the ranges follow the size of the face."""

TUNED_ON = "heavy"
"""The degree under which settings are chosen; they are used under every degree."""


@dataclass(frozen=True)
class Pairs:
    """N pairs of aligned faces.

    Attributes:
        truth: `(N, 3, S, S)` in [-1, 1].
        reference: The same persons in other pictures, the same shape.
        person: Who it is, `(N,)` int64.
    """

    truth: Tensor
    reference: Tensor
    person: Tensor

    def __len__(self) -> int:
        return len(self.truth)


def drawn_pairs(
    split: Split, people: int, size: int = 64, per_person: int = 1, first: int = 0
) -> Pairs:
    """Draw held-out persons, each pair in two views of its own.

    Args:
        split: "tuning" or "test"; neither shares a person with the networks' training.
        people: Number of persons.
        size: Side in pixels, 64 or 128.
        per_person: Pairs of each person.
        first: Number of the first person within the split.

    Raises:
        InvalidInputError: The split has not so many persons.
    """
    if first < 0 or people < 1 or first + people > DRAWN_PEOPLE[split]:
        raise InvalidInputError(
            f"There are {DRAWN_PEOPLE[split]} drawn {split} persons, counted from 0; "
            f"{people} from number {first} on are not among them."
        )
    persons = [DRAWN_SEEDS[split] + first + i for i in range(people) for _ in range(per_person)]
    number = [j for _ in range(people) for j in range(per_person)]
    who = sample_identities(persons)
    pictures: list[Tensor] = []
    for which in (0, 1):
        seeds = [p * VIEWS_PER_PERSON + 2 * j + which for p, j in zip(persons, number, strict=True)]
        pictures.append(render(who, sample_views(seeds), size, parts=False).images)
    return Pairs(pictures[0], pictures[1], torch.tensor(persons))


def stored_pairs(
    path: Path,
    split: Split,
    people: int | None,
    size: int,
    per_person: int = 1,
    tuning_people: int = 32,
) -> Pairs:
    """Pair the held-out faces of a labelled `.npz`: split 1, persons with two pictures or more.

    The first `tuning_people` of them, in an order shuffled once for all, are for tuning, the
    others for the test. A person's pictures are paired in shuffled order, each used once.

    Args:
        path: See `open_faces`.
        split: "tuning" or "test".
        people: Number of persons; None for all.
        size: Side in pixels.
        per_person: Pairs of each person, at most.
        tuning_people: Persons set apart for tuning.

    Raises:
        ImageError: The file is missing or unreadable.
        InvalidInputError: It has not enough such persons.
    """
    faces = open_faces(str(path), size, "validation", labelled=True)
    assert isinstance(faces, StoredFaces)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(faces), generator=generator)
    rows: dict[int, list[int]] = {}
    for row in order.tolist():
        rows.setdefault(int(faces.labels[row]), []).append(row)
    paired = [person for person, mine in rows.items() if len(mine) >= 2]
    known = paired[:tuning_people] if split == "tuning" else paired[tuning_people:]
    people = len(known) if people is None else people
    if len(known) < max(people, 1):
        raise InvalidInputError(
            f"{path} has {len(paired)} held-out persons with two pictures or more; with "
            f"{tuning_people} of them for tuning, {max(people, 1)} for {split} are not there."
        )
    first: list[int] = []
    second: list[int] = []
    for person in known[:people]:
        mine = rows[person][: 2 * per_person]
        usable = len(mine) // 2
        first += mine[0 : 2 * usable : 2]
        second += mine[1 : 2 * usable : 2]
    return Pairs(
        from_uint8(faces.images[first]), from_uint8(faces.images[second]), faces.labels[first]
    )


def degrade_pairs(pairs: Pairs, degree: str, seed: int) -> tuple[Tensor, list[Degradation]]:
    """Degrade each truth with its own draw.

    Args:
        pairs: The faces.
        degree: Key in `DEGREES`.
        seed: Of the first pair; the next pairs take the next numbers.

    Returns:
        `(N, 3, S, S)` in [-1, 1], and what was drawn for each.
    """
    return degrade(pairs.truth, DEGREES[degree], seed)

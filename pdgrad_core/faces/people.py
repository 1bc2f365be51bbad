"""Who is drawn for what: persons for training, validation, tuning and tests, in pairs of views."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import InvalidInputError
from .identity import sample_identities
from .render import render
from .view import sample_views

Split = Literal["tuning", "test"]

DRAWN_SEEDS = {"train": 0, "validation": 1_000_000, "tuning": 2_000_000, "test": 3_000_000}
"""First identity seed of each split of drawn persons; no two splits share a person."""

DRAWN_PEOPLE = {"train": 8_000, "validation": 400, "tuning": 1_000, "test": 10_000}
"""Number of drawn persons of each split."""

VIEWS_PER_PERSON = 1_000
"""View seeds of the person with seed s are s * 1000 ... s * 1000 + 999."""


@dataclass(frozen=True)
class Pairs:
    """N pairs of aligned faces: the truth to be restored, and the reference that helps.

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

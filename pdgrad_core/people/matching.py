"""Which face of a photo is whose: each person once at most, and strangers left unknown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInputError
from .guides import Guide
from .person import Person, check_people, folded
from .pose import Pose
from .recognizer import Probes

FORBIDDEN = 1e3
"""Cost of what must not be: more than all cosines of a photo together."""


@dataclass(frozen=True)
class Match:
    """Who a face is.

    Attributes:
        person: The person's number; None for an unknown one.
        name: The person's name; empty for an unknown one.
        similarity: The cosine to that person, or to the nearest one where it is unknown.
        margin: How much nearer that person is than the next one who could be meant; negative where
            another face took the nearest one.
        nearest: Name of the nearest other person; empty where there is none.
        weights: How much each of the person's portraits counts, summing to 1.
        by_hand: Whether the user said so.
        leave: Whether the user wants the face left alone.
    """

    person: int | None
    name: str
    similarity: float
    margin: float
    nearest: str = ""
    weights: tuple[float, ...] = ()
    by_hand: bool = False
    leave: bool = False


@dataclass(frozen=True, eq=False)
class Similarities:
    """How alike each face is to each person.

    Attributes:
        cosines: `(faces, people)`.
        weights: For each face and person how much each portrait counts.
    """

    cosines: Tensor
    weights: list[list[list[float]]] = field(repr=False)

    @classmethod
    def of(
        cls, probes: Probes, poses: Sequence[Pose | None], people: Sequence[Person]
    ) -> "Similarities":
        """Compare faces with people.

        A person is the weighted mean of the portraits' embeddings: those in the face's pose, and
        the sharp ones, count more.

        Args:
            probes: The faces.
            poses: Of each face; None where it is not known.
            people: Whom they are compared with.
        """
        cosines = torch.zeros(len(probes), len(people))
        weights: list[list[list[float]]] = []
        for row, pose in enumerate(poses):
            weights.append([person.weights_for(pose) for person in people])
            for column, person in enumerate(people):
                portraits = torch.stack([one.embedding for one in person.portraits])
                shares = torch.tensor(weights[row][column])
                mean = F.normalize(shares @ portraits, dim=0)
                cosines[row, column] = probes.joined[row] @ mean
        return cls(cosines, weights)


def assign(
    cosines: Tensor, threshold: float, fixed: Sequence[int | None] | None = None
) -> list[int | None]:
    """Return each face's person, each person once at most, so that the cosines' sum is largest.

    Source: the assignment problem (Kuhn 1955), by `scipy.optimize.linear_sum_assignment`. Being
        unknown is a place of its own for every face, worth the threshold.

    Args:
        cosines: `(faces, people)`.
        threshold: What a face has to exceed to be somebody's.
        fixed: Faces whose person is given already, by row; None for the others. What is fixed may
            name a person twice.
    """
    faces, people = cosines.shape
    fixed = list(fixed or [None] * faces)
    taken = {one for one in fixed if one is not None}
    rows = [row for row in range(faces) if fixed[row] is None]
    columns = [column for column in range(people) if column not in taken]
    found = list(fixed)
    if not rows or not columns:
        return found
    from scipy.optimize import linear_sum_assignment

    free = cosines[rows][:, columns].double()
    costs = torch.where(free > threshold, -free, FORBIDDEN)
    unknown = torch.full((len(rows), len(rows)), FORBIDDEN, dtype=torch.float64)
    unknown.fill_diagonal_(-threshold)
    picked = linear_sum_assignment(torch.cat([costs, unknown], 1).numpy())
    for row, column in zip(*(one.tolist() for one in picked), strict=True):
        if column < len(columns):
            found[rows[row]] = columns[column]
    return found


def match_faces(
    similarities: Similarities,
    people: Sequence[Person],
    threshold: float,
    said: Sequence[str | None] | None = None,
) -> list[Match]:
    """Say who the faces of one photo are.

    Args:
        similarities: Of its faces to the people.
        people: The people.
        threshold: What a face has to exceed to be somebody's.
        said: What the user said of each face: a person's name, `UNKNOWN` or `LEAVE`; None for what
            is to be found out.

    Raises:
        InvalidInputError: Two people have one name, or the user named nobody known.
    """
    check_people(people)
    cosines = similarities.cosines
    said = said or [None] * len(cosines)
    numbers = {folded(person.name): number for number, person in enumerate(people)}
    fixed = [None if one in (None, UNKNOWN, LEAVE) else _number(one, numbers) for one in said]
    open_rows = [row for row, one in enumerate(said) if one is None]
    taken = {one for one in fixed if one is not None}
    assigned: list[int | None] = list(fixed)
    free = cosines[open_rows].clone()
    free[:, sorted(taken)] = -1.0
    for row, one in zip(open_rows, assign(free, threshold), strict=True):
        assigned[row] = one
    return [
        _match(similarities, row, assigned[row], people, said[row]) for row in range(len(cosines))
    ]


UNKNOWN, LEAVE, AUTO = "?", "-", "auto"
"""How a user says that a face is nobody known, that it is to be left alone, or neither."""


def _number(name: str | None, numbers: dict[str, int]) -> int:
    number = numbers.get(folded(name or ""))
    if number is None:
        raise InvalidInputError(
            f"There is nobody named {name!r} among the known people; write one of their names, "
            f"{UNKNOWN} for an unknown person, or {LEAVE} for a face to be left alone."
        )
    return number


def _match(
    found: Similarities, row: int, person: int | None, people: Sequence[Person], said: str | None
) -> Match:
    cosines: list[float] = found.cosines[row].tolist()
    order = sorted(range(len(cosines)), key=lambda number: -cosines[number])
    by_hand, leave = said is not None, said == LEAVE
    if person is None:
        best = cosines[order[0]] if order else 0.0
        next_best = cosines[order[1]] if len(order) > 1 else 0.0
        nearest = people[order[0]].name if order else ""
        margin = best - next_best if len(order) > 1 else 0.0
        return Match(None, "", best, margin, nearest, (), by_hand, leave)
    others = [number for number in order if number != person]
    return Match(
        person=person,
        name=people[person].name,
        similarity=cosines[person],
        # Alone, a person is told from a face that has nothing in common with them.
        margin=cosines[person] - (cosines[others[0]] if others else 0.0),
        nearest=people[others[0]].name if others else "",
        weights=tuple(found.weights[row][person]),
        by_hand=by_hand,
    )


def guide_of(match: Match, people: Sequence[Person]) -> Guide:
    """Return what guides a face: its person's portraits by their weights; nothing if unknown."""
    if match.person is None:
        return Guide()
    person = people[match.person]
    crops = tuple(one.crop for one in person.portraits)
    return Guide(crops, tuple(person.weight * weight for weight in match.weights))

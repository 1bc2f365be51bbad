"""Pairs of faces of one person from a labelled file, and how badly a study degrades faces."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from ..degradations import PRESETS, Preset
from ..errors import InvalidInputError
from ..faces.people import Pairs, Split
from ..images import from_uint8
from ..training.dataset import StoredFaces, open_faces

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
"""How badly faces are degraded; the ranges follow the size of the face."""


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

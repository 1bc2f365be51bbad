"""Drawn portraits in wider pictures, so that a face's window is not the whole picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pdgrad_core.alignment.align import AlignedFace
from pdgrad_core.faces.canvas import PARTS
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.faces.scene import paint_backdrop
from pdgrad_core.faces.view import sample_views
from pdgrad_core.files import write_whole
from pdgrad_core.images import to_uint8

SIDE_PX, FACE_PX = 96, 64
"""Of the pictures and of the aligned faces in them."""

MARGIN_PX = 4
"""Between a face and the picture's edges at least."""


@dataclass(frozen=True, eq=False)
class Scenes:
    """N pictures with one aligned face each.

    Attributes:
        images: `(N, 3, SIDE_PX, SIDE_PX)` in [-1, 1].
        corners: Left and top of the faces, `(N, 2)` int64, pixels.
    """

    images: Tensor
    corners: Tensor

    def faces_of(self, pictures: Tensor) -> Tensor:
        """Return the faces `(N, 3, FACE_PX, FACE_PX)` of such pictures, no pixel resampled."""
        return torch.cat([
            picture[None, :, top : top + FACE_PX, left : left + FACE_PX]
            for picture, (left, top) in zip(pictures, self.corners.tolist(), strict=True)
        ])  # fmt: skip

    def aligned(self) -> list[list[AlignedFace]]:
        """Return the faces of every picture as *Align Faces* hands them on."""
        crops, nowhere = self.faces_of(self.images), np.zeros((5, 2))
        found: list[list[AlignedFace]] = []
        for crop, (left, top) in zip(crops, self.corners.tolist(), strict=True):
            matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
            found.append([AlignedFace(crop[None], matrix, nowhere)])
        return found


def draw_scenes(persons: list[int], views: list[int]) -> Scenes:
    """Draw each person in the view of the same row, somewhere before a backdrop.

    Args:
        persons: Identity seeds.
        views: View seeds, as many; backdrop and place follow from them.
    """
    seen = sample_views(views)
    drawn = render(sample_identities(persons), seen, FACE_PX)
    assert drawn.parts is not None
    inside = (drawn.parts != PARTS.index("background"))[:, None].float()
    # Display values, as the portraits have them.
    light = F.avg_pool2d(paint_backdrop(seen, 2 * SIDE_PX), 2) * seen.exposure[:, None, None, None]
    pictures = light.clamp(0, 1).sqrt() * 2 - 1
    room = SIDE_PX - FACE_PX - 2 * MARGIN_PX + 1
    corners: list[tuple[int, int]] = []
    for index, seed in enumerate(views):
        left, top = (MARGIN_PX + np.random.default_rng(seed).integers(room, size=2)).tolist()
        # The clothes of a portrait end at its lower edge, so they go on to the picture's.
        below = (0, 0, 0, SIDE_PX - top - FACE_PX)
        portrait, cover = (F.pad(one[index], below, "replicate") for one in (drawn.images, inside))
        place = (index, slice(None), slice(top, SIDE_PX), slice(left, left + FACE_PX))
        pictures[place] = torch.lerp(pictures[place], portrait, cover)
        corners.append((left, top))
    return Scenes(pictures, torch.tensor(corners))


def split_scenes(split: str, people: int, views: int, first: int = 0) -> Scenes:
    """Draw some persons of a split, `views` pictures of the first, then of the next."""
    persons = [DRAWN_SEEDS[split] + first + i for i in range(people) for _ in range(views)]
    numbers = [number for _ in range(people) for number in range(views)]
    seeds = [who * VIEWS_PER_PERSON + n for who, n in zip(persons, numbers, strict=True)]
    return draw_scenes(persons, seeds)


def save_scenes(path: Path, people: dict[str, int], views: int) -> None:
    """Write pictures of "train" and "validation" persons as an `.npz` that training reads."""
    columns: dict[str, list[Any]] = {"images": [], "label": [], "split": []}
    for code, split in enumerate(("train", "validation")):
        for first in range(0, people[split], 32):
            count = min(32, people[split] - first)
            drawn = split_scenes(split, count, views, first)
            persons = DRAWN_SEEDS[split] + first + np.arange(count)
            columns["images"].append(to_uint8(drawn.images).numpy())
            columns["label"].append(persons.repeat(views))
            columns["split"].append(np.full(count * views, code, np.uint8))
    arrays: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_whole(path, write)

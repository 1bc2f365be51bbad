"""Folders of faces for `pdgrad evaluate`, from a labelled archive of photos.

    truth/PERSON_1.png             the face itself
    degraded-heavy/PERSON_1.png    and degraded-mild/...
    references/PERSON_1/1.png      other photos of the person, up to five
    wrong/PERSON_1/1.png           a photo of somebody else
    several/truth/...              and several/degraded-heavy: those with five references

People of the archive's split 1 alone, who trained nothing here. The first `TUNING_PEOPLE` of those
with two photos or more, in an order shuffled once for all, are for tuning, the others for the test.
"""

import io
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pdgrad_core.degradations import degrade
from pdgrad_core.evidence.pairs import DEGREES
from pdgrad_core.images import from_uint8, save_image

TUNING_PEOPLE = 14
MOST_REFERENCES = 5
FACE_PX = 64

# What the archive's own loader keeps: no caps, profiles or hands, no crop padded by much.
_LEAST_LIKENESS, _MOST_PADDING = 0.15, 0.1


@dataclass(frozen=True)
class Archive:
    """Aligned photos of people, 128 px, shrunk to 64 when they are read.

    Attributes:
        path: An `.npz` of pictures in one byte array, with label, split and quality.
    """

    path: Path

    def rows(self, split: int) -> dict[int, list[int]]:
        """Return the usable pictures of each person of a split, by label, in shuffled order."""
        with np.load(self.path) as stored:
            usable = (stored["ncc"] > _LEAST_LIKENESS) & (stored["pad"] < _MOST_PADDING)
            usable &= (stored["split"] == split) & (stored["label"] >= 0)
            labels = stored["label"]
        found: dict[int, list[int]] = {}
        for row in np.random.default_rng(0).permutation(np.flatnonzero(usable)).tolist():
            found.setdefault(int(labels[row]), []).append(row)
        return found

    def faces(self, rows: list[int], side: int = FACE_PX) -> Tensor:
        """Return pictures in [-1, 1]: as stored, 128 px, or of 64, means of two by two pixels."""
        from PIL import Image

        blob, offset = self._bytes
        found: list[Tensor] = []
        for row in rows:
            data = io.BytesIO(blob[offset[row] : offset[row + 1]].tobytes())
            pixels = np.asarray(Image.open(data).convert("RGB"))
            times = len(pixels) // side
            small = pixels.reshape(side, times, side, times, 3).mean((1, 3)).round()
            found.append(torch.from_numpy(small.astype(np.uint8)))
        return from_uint8(torch.stack(found))

    @cached_property
    def _bytes(self) -> tuple[Any, Any]:
        with np.load(self.path) as stored:
            return stored["blob"], stored["offset"]


def training_faces(archive: Archive, people: int) -> Tensor:
    """Return one photo of each of some training people."""
    return archive.faces([rows[0] for rows in list(archive.rows(0).values())[:people]])


def write_people(archive: Archive, folder: Path, tuning: bool, per_person: int) -> int:
    """Write the folders, and return the number of faces; what is there already stays the same.

    Args:
        archive: The photos.
        folder: To be written, outside the project.
        tuning: Whether the tuning people are wanted, not the test's.
        per_person: Faces of each person, at most.
    """
    pairs = [(one, rows) for one, rows in archive.rows(1).items() if len(rows) >= 2]
    pairs = pairs[:TUNING_PEOPLE] if tuning else pairs[TUNING_PEOPLE:]
    written = 0
    for place, (person, rows) in enumerate(pairs):
        faces = archive.faces(rows)
        (stranger,) = archive.faces([pairs[(place + 1) % len(pairs)][1][0]])
        for number in range(min(per_person, len(rows))):
            others = [face for k, face in enumerate(faces) if k != number][:MOST_REFERENCES]
            _write_face(folder, f"{person}_{number + 1}", faces[number], others, stranger)
            written += 1
    return written


def _write_face(
    folder: Path, name: str, face: Tensor, others: list[Tensor], stranger: Tensor
) -> None:
    save_image(face[None], folder / "truth" / f"{name}.png")
    for degree, preset in DEGREES.items():
        degraded, _ = degrade(face[None], preset, [zlib.crc32(f"{degree} {name}".encode())])
        save_image(degraded, folder / f"degraded-{degree}" / f"{name}.png")
        if len(others) == MOST_REFERENCES:
            save_image(degraded, folder / "several" / f"degraded-{degree}" / f"{name}.png")
    if len(others) == MOST_REFERENCES:
        save_image(face[None], folder / "several" / "truth" / f"{name}.png")
    for number, other in enumerate(others, 1):
        save_image(other[None], folder / "references" / name / f"{number}.png")
    save_image(stranger[None], folder / "wrong" / name / "1.png")

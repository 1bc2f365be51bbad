"""Make docs/gallery's pictures: each PGDiff task on drawn faces, by the command it shows.

python scripts/gallery.py DIR [TASK ...] writes the drawn inputs into DIR, runs there the commands
that docs/gallery.md shows, and lays their results out. The demo models are embedded: no download.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pdgrad_core.cli import main as pdgrad
from pdgrad_core.degradations import degrade
from pdgrad_core.evidence.pairs import DEGREES
from pdgrad_core.faces.people import drawn_pairs
from pdgrad_core.images import load_image, save_image
from pdgrad_core.sheet import Labelled, lay_out

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
PEOPLE = {"a": 0, "b": 2, "c": 3}
"""The gallery's people, by their number among the drawn test persons: no network was shown them."""

SIZE_PX, SIDE_PX, QUALITY = 64, 128, 85
HOLES = ((slice(24, 44), slice(14, 34)), (slice(44, 58), slice(38, 52)))
SCRATCHES = ((slice(None), slice(20, 22)), (slice(47, 48), slice(None)), (slice(14), slice(50, 64)))


@dataclass(frozen=True)
class Task:
    """One picture of the gallery.

    Attributes:
        commands: What makes the results, with `{who}` for the person.
        shown: Title and file of each picture in the row, left to right.
    """

    commands: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]


def _restore(photo: str, out: str, recipe: str) -> str:
    begin = f"pdgrad restore {{who}}-{photo}.png --models demo --aligned --steps 100 --seed 1"
    return f"{begin} --recipe {recipe} --out {{who}}-{out}.png"


_REFERENCE = "--strength 0.5 --weight identity=640 --reference {who}-other.png"
_SCRATCHES = "--mask scratches.png"

TASKS: dict[str, Task] = {
    "restoration": Task(
        (_restore("small", "restored", "pgdiff-restoration --strength 1"),),
        (("degraded", "small"), ("restored", "restored"), ("true", "true")),
    ),
    "reference": Task(
        (_restore("small", "like", f"pgdiff-reference-cosine {_REFERENCE}"),),
        (("degraded", "small"), ("restored", "like"), ("true", "true"), ("reference", "other")),
    ),
    "colorization": Task(
        (_restore("grey", "color", "pgdiff-colorization --strength 0.06"),),
        (("grey", "grey"), ("coloured", "color"), ("true", "true")),
    ),
    "inpainting": Task(
        (_restore("holes", "filled", "pgdiff-inpainting --strength 0.1 --mask holes.png"),),
        (("with holes", "holes"), ("filled", "filled"), ("true", "true")),
    ),
    "old_photo": Task(
        (
            _restore(
                "old", "new", f"pgdiff-old-photo --strength 0.05 --weight color=0.05 {_SCRATCHES}"
            ),
        ),
        (("old photo", "old"), ("restored", "new"), ("true", "true")),
    ),
    "old_photo_surgery": Task(
        tuple(
            _restore("old", out, f"pgdiff-old-photo --strength 0.02 {_SCRATCHES} --combiner {name}")
            for out, name in (("added", "sum"), ("operated", "pdgrad"))
        ),
        (("old photo", "old"), ("plain sum", "added"), ("surgery", "operated"), ("true", "true")),
    ),
}
"""The gallery by file name."""


def main(folder: Path, names: Sequence[str] = ()) -> None:
    """Write the inputs, run the commands and write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    GALLERY.mkdir(exist_ok=True)
    os.chdir(folder)
    for who, person in PEOPLE.items():
        write_inputs(who, person)
    for name in names or TASKS:
        task = TASKS[name]
        for who in PEOPLE:
            for command in task.commands:
                if pdgrad(shlex.split(command.format(who=who))[1:]) != 0:
                    raise SystemExit(f"{name} failed")
        pictures = [
            Labelled(load_image(f"{who}-{file}.png"), title)
            for who in PEOPLE
            for title, file in task.shown
        ]
        sheet = lay_out(pictures, SIDE_PX)
        sheet.save(GALLERY / f"{name}.jpg", quality=QUALITY, optimize=True)


def write_inputs(who: str, person: int) -> None:
    """Write a person's true picture, another one, and the four ways in which it is damaged."""
    pair = drawn_pairs("test", 1, SIZE_PX, first=person)
    grey = pair.truth.mean(1, keepdim=True).expand_as(pair.truth)
    holes, scratches = _mask(HOLES), _mask(SCRATCHES)
    wider = torch.nn.functional.max_pool2d(scratches, 5, 1, 2)
    faded = _degraded(grey, person).mean(1, keepdim=True).expand_as(grey)
    pictures = {
        f"{who}-true": pair.truth,
        f"{who}-other": pair.reference,
        f"{who}-small": _degraded(pair.truth, person),
        f"{who}-grey": grey,
        f"{who}-holes": torch.where(holes > 0, 1.0, pair.truth),
        f"{who}-old": torch.where(scratches > 0, 0.9, faded),
        "holes": (2 * holes - 1).expand_as(grey),
        "scratches": (2 * wider - 1).expand_as(grey),
    }
    for name, picture in pictures.items():
        save_image(picture, f"{name}.png")


def _degraded(image: Tensor, seed: int) -> Tensor:
    return degrade(image, DEGREES["mild"], seed)[0]


def _mask(boxes: Sequence[tuple[slice, slice]]) -> Tensor:
    mask = torch.zeros(1, 1, SIZE_PX, SIZE_PX)
    for rows, columns in boxes:
        mask[..., rows, columns] = 1
    return mask


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""What both sides of the PGDiff benchmark are given: a task, its inputs and its weights."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InvalidInputError
from ..weights.folders import find, search_folders

TASKS: dict[str, str] = {
    "restoration": "restoration",
    "reference": "ref_restoration",
    "colorization": "colorization",
    "inpainting": "inpainting",
    "old-photo": "old_photo_restoration",
}
"""The official name of each of our recipes' tasks."""

SIZE_PX = 512
"""The size that the official code works at, and no other."""

SEED = 1234


@dataclass(frozen=True)
class Job:
    """One task for both sides.

    Attributes:
        checkout: Folder of pq-yang/PGDiff; its code is run as it is.
        folder: An empty folder for the inputs that both read; the official code writes there too.
        models: Folder of weights to search first; random test weights serve as well.
        device: Where both run, "auto" for the first accelerator that is there.
        dtype: In what OUR prior computes; theirs is float32.
        threads: CPU threads of each side; None for all.
        task: Key in `TASKS`.
    """

    checkout: Path
    folder: Path
    models: Path | None = None
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    task: str = "restoration"

    @property
    def recipe(self) -> str:
        """Our recipe of the task."""
        return f"pgdiff-{self.task}"

    def weights(self) -> dict[str, Path]:
        """Return the paths of the weight files that the task needs, by role.

        Raises:
            InvalidInputError: There is no such task.
            CheckpointNotFoundError: A file is in none of the folders.
        """
        if self.task not in TASKS:
            raise InvalidInputError(
                f"There is no task {self.task!r}; there are {', '.join(TASKS)}."
            )
        folders = search_folders(self.models)
        names = {"prior": "ffhq512-prior"}
        if "restoration" in TASKS[self.task]:
            names["restorer"] = "pgdiff-rrdb"
        if self.task == "reference":
            names["arcface"] = "arcface-iresnet50"
        return {role: find(name, folders) for role, name in names.items()}


def write_inputs(folder: Path, size_px: int = SIZE_PX) -> None:
    """Write a photo, a reference and a mask, each into a folder as the official code wants.

    They are smooth random colours: what they show does not change the work.
    """
    from PIL import Image

    generator = np.random.default_rng(SEED)
    for name in ("photo", "reference", "mask"):
        small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((size_px, size_px), Image.Resampling.BICUBIC)
        if name == "mask":
            pixels = np.zeros((size_px, size_px, 3), dtype=np.uint8)
            pixels[size_px // 4 : size_px // 2, size_px // 3 : size_px // 2] = 255
            picture = Image.fromarray(pixels)
        (folder / name).mkdir(parents=True, exist_ok=True)
        picture.save(folder / name / "one.png")

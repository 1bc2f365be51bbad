"""The pictures of an evaluation's cases, at the models' size, and where results are kept."""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...degradations import degrade
from ...errors import InvalidInputError
from ...images import load_image, resize, save_image
from ..results import write_text
from .folders import Case


@dataclass(frozen=True)
class Degrading:
    """How the truth is degraded where no degraded pictures are given.

    Attributes:
        preset: Key in `PRESETS`; empty where they are given.
        seed: Added to what a case's name gives, for degradation and noise.
    """

    preset: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Pictures:
    """Reads the pictures of cases.

    Attributes:
        cases: All of them, in order.
        size_px: The models' side; pictures of another size are resized, smoothly.
        degrading: See there.
    """

    cases: Sequence[Case]
    size_px: int
    degrading: Degrading

    def degraded(self, case: Case) -> Tensor:
        """Return y, `(1, 3, S, S)` in [-1, 1]."""
        if case.degraded is not None:
            return self._face(case.degraded)
        truth = self.truth(case)
        return degrade(truth, self.degrading.preset, [self.seed_of(case)])[0]

    def truth(self, case: Case) -> Tensor:
        """Return the undegraded face, `(1, 3, S, S)` in [-1, 1].

        Raises:
            InvalidInputError: There is none.
        """
        if case.truth is None:
            raise InvalidInputError(f"The picture {case.name!r} has no truth.")
        return self._face(case.truth)

    def references(self, cases: Sequence[Case]) -> list[Tensor]:
        """Return the references of cases that have equally many, `(B, 3, S, S)` each."""
        each = [[self._face(path) for path in case.references] for case in cases]
        return [torch.cat(one) for one in zip(*each, strict=True)]

    def seed_of(self, case: Case) -> int:
        """Return the seed of a case's degradation and noise, whichever others there are."""
        return self.degrading.seed + zlib.crc32(case.name.encode())

    def digest(self, case: Case) -> str:
        """Return what a case's results depend on beside method and networks."""
        digest = hashlib.sha256()
        for path in (case.degraded, None if case.degraded else case.truth, *case.references):
            digest.update(b"-" if path is None else hashlib.sha256(path.read_bytes()).digest())
        preset = "" if case.degraded else self.degrading.preset
        digest.update(f"{preset} {self.seed_of(case)} {self.size_px}".encode())
        return digest.hexdigest()[:16]

    def check(self) -> None:
        """Read every picture once, before any work.

        Raises:
            ImageError: A file is no picture.
            InvalidInputError: A picture is not square.
        """
        for case in self.cases:
            for path in (case.truth, case.degraded, *case.references):
                if path is not None:
                    self._face(path)

    def _face(self, path: Path) -> Tensor:
        image = load_image(path)
        height, width = image.shape[-2:]
        if height != width:
            raise InvalidInputError(
                f"{path} is no aligned face: {width}x{height} pixels, where a square is expected. "
                "`pdgrad restore --save-stages` cuts aligned faces out of photos."
            )
        if height == self.size_px:
            return image
        way = "bilinear" if height > self.size_px else "bicubic"
        return resize(image, self.size_px, self.size_px, way).clamp(-1, 1)


@dataclass(frozen=True)
class Kept:
    """One result on disk: a picture, and a record beside it that is written last.

    Attributes:
        folder: Of the method's results.
        name: Of the case.
    """

    folder: Path
    name: str

    @property
    def picture(self) -> Path:
        """The result, 8 bits: what is scored is what anybody can score again."""
        return self.folder / f"{self.name}.png"

    @property
    def record(self) -> Path:
        """What is known of it, as JSON."""
        return self.folder / f"{self.name}.json"

    def read(self) -> dict[str, Any]:
        """Return the record; empty where the result is not there, whole."""
        if not (self.record.is_file() and self.picture.is_file()):
            return {}
        return json.loads(self.record.read_text(encoding="utf-8"))

    def write(self, image: Tensor, record: dict[str, Any]) -> None:
        """Write picture and record, each whole or not at all.

        Args:
            image: `(1, 3, S, S)` in [-1, 1].
            record: JSON-ready.
        """
        save_image(image.cpu(), self.picture)
        self.update(record)

    def update(self, record: dict[str, Any]) -> None:
        """Write the record."""
        write_text(self.record, json.dumps(record, sort_keys=True) + "\n")

    def image(self) -> Tensor:
        """Return the picture, `(1, 3, S, S)` in [-1, 1]."""
        return load_image(self.picture)

"""Restoring the faces of several photos together, and putting each result in its place."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..alignment.align import align_face
from ..diffusion.sampler import StepState
from ..errors import ImageError, InvalidInputError, NoFaceError, NonFiniteError, PDGradError
from ..matched import restore_matched
from ..models.sets import ModelSet
from ..people import Guide, Person
from ..photo_files import read_photo
from ..photos import FacePaster
from ..settings import Settings
from .choices import digest_of
from .looking import face_of, jpeg
from .scans import STAGED
from .work_list import Record, WorkList

OF_ONE = (ImageError, InvalidInputError, NoFaceError, NonFiniteError)
"""Errors that lie in one photo; a missing network or a full disk would meet every one."""

TEMPORARY = (".people-????????.txt", ".people-*-????????.png", ".album-????????.html")
"""What `write_whole` calls the files beside the results while it writes them."""

PREVIEW_PX = 480
"""Longer side of the pictures of the report."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A photo whose faces wait to be restored; the photo itself is read again afterwards.

    Attributes:
        record: With its look.
        rows: Of the look, the faces that are restored.
        crops: `(faces, 3, S, S)` in [-1, 1].
        guides: One per face.
        digest: Of all that the result depends on.
    """

    record: Record
    rows: list[dict[str, Any]]
    crops: Tensor
    guides: list[Guide]
    digest: str


@dataclass(frozen=True, eq=False)
class PhotoRestorer:
    """Restores photos whose faces are known.

    Attributes:
        scans: The album's folder.
        out: The results' folder.
        names: Where each photo's result goes within it.
        work: The work list.
        models: What restores.
        settings: The method.
        put_back: Lays faces back.
        people: By name.
        leave_unknown: Whether faces of nobody known are left alone.
        networks: Digests of the models' files.
        faces_at_once: Faces restored together, at most.
        on_step: Called after each step of a batch.
    """

    scans: Path
    out: Path
    names: dict[str, str]
    work: WorkList
    models: ModelSet
    settings: Settings
    put_back: FacePaster
    people: dict[str, Person]
    leave_unknown: bool
    networks: dict[str, str]
    faces_at_once: int
    on_step: Callable[[StepState], None] | None = field(default=None, repr=False)

    @cached_property
    def _shared(self) -> str:
        """Digest of what every photo's result depends on."""
        row = self.settings.resolved()
        values = [row.name, row.values(), self.settings.seed, self.models.precision]
        return digest_of([values, vars(self.put_back.settings), self.networks])

    def chosen(self, record: Record) -> list[dict[str, Any]]:
        """Return the faces of a photo that are to be restored."""
        return [
            row
            for row in record.look
            if not row["leave"] and (row["name"] or not self.leave_unknown)
        ]

    def digest(self, record: Record) -> str:
        """Return the digest of all that a photo's result depends on."""
        faces = [
            [row["landmarks"], row["name"], row["weights"], self._references(row)]
            for row in self.chosen(record)
        ]
        return digest_of([self._shared, record.file, faces, self.names[record.path]])

    def _references(self, row: dict[str, Any]) -> list[str]:
        person = self.people.get(row["name"])
        return [] if person is None else [one.digest for one in person.portraits]

    def waiting(self, record: Record) -> Waiting:
        """Cut out the faces of a photo that are to be restored."""
        photo = read_photo(self.scans / record.path).image
        rows = self.chosen(record)
        size_px = self.models.prior.image_size
        crops = [align_face(photo, face_of(row), size_px).crop for row in rows]
        guides = [self._guide(row) for row in rows]
        return Waiting(record, rows, torch.cat(crops), guides, self.digest(record))

    def _guide(self, row: dict[str, Any]) -> Guide:
        person = self.people.get(row["name"])
        if person is None:
            return Guide()
        crops = tuple(one.crop for one in person.portraits)
        return Guide(crops, tuple(person.weight * weight for weight in row["weights"]))

    def restore(self, batch: Sequence[Waiting]) -> list[Record]:
        """Restore the faces of some photos together, write the results, and return the records.

        Where that fails for what one photo holds, the photos are tried one by one.
        """
        began = time.perf_counter()
        try:
            results = self._restored(batch)
        except OF_ONE as error:
            if len(batch) == 1:
                return [self.failed(batch[0].record.path, error)]
            return [record for one in batch for record in self.restore([one])]
        seconds = (time.perf_counter() - began) / sum(len(one.rows) for one in batch)
        return [
            self._recorded(one, result, seconds * len(one.rows))
            for one, result in zip(batch, results, strict=True)
        ]

    def _recorded(self, one: Waiting, results: Tensor, seconds: float) -> Record:
        try:
            return self._finish(one, results, seconds)
        except OF_ONE as error:
            return self.failed(one.record.path, error)

    def failed(self, path: str, error: PDGradError) -> Record:
        """Record that a photo could not be done."""
        return self.work.change(path, state="failed", error=str(error), done_digest="")

    def _restored(self, batch: Sequence[Waiting]) -> list[Tensor]:
        crops = torch.cat([one.crops for one in batch])
        guides = [guide for one in batch for guide in one.guides]
        parts: list[Tensor] = []
        for start in range(0, len(crops), self.faces_at_once):
            rows = slice(start, start + self.faces_at_once)
            found = restore_matched(
                crops[rows],
                guides[rows],
                self.models,
                self.settings,
                # All faces have the same noise, so that a photo is the same in any company.
                seeds=[self.settings.seed] * len(guides[rows]),
                on_step=self.on_step,
            )
            parts.append(found.image.cpu())
        return list(torch.cat(parts).split([len(one.rows) for one in batch]))

    def _finish(self, one: Waiting, results: Tensor, seconds: float) -> Record:
        """Write a result beside its place, record that, and only then put it in place."""
        path = one.record.path
        photo = read_photo(self.scans / path)
        size_px = self.models.prior.image_size
        faces = [align_face(photo.image, face_of(row), size_px) for row in one.rows]
        image = self.put_back(photo.image, faces, results)
        photo.write(image, self.staged(path))
        record = replace(
            one.record,
            state="ready",
            done_digest=one.digest,
            seconds=round(seconds, 3),
            error="",
            times=one.record.times + 1,
        )
        before, after = (jpeg(picture, PREVIEW_PX) for picture in (photo.image, image))
        self.work.put(record, before=before, after=after)
        return self.put_in_place(record)

    def staged(self, path: str) -> Path:
        """Return where a photo's result is written first."""
        return self.out / STAGED / self.names[path]

    def put_in_place(self, record: Record) -> Record:
        """Move a result that is written to its place, if that has not been done."""
        staged, place = self.staged(record.path), self.out / self.names[record.path]
        if staged.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(place)
        return self.work.put(replace(record, state="done"))

    def recover(self) -> None:
        """Finish what an interruption left: results that are written are put in place.

        What was being written is removed; nothing points to it.
        """
        for record in self.work.records():
            if record.state == "ready" and record.path in self.names:
                self.put_in_place(record)
        self.clear()

    def clear(self) -> None:
        """Remove what an interruption left half-written; nothing is being written now."""
        shutil.rmtree(self.out / STAGED, ignore_errors=True)
        for name in TEMPORARY:
            for left in self.out.glob(name):
                left.unlink(missing_ok=True)

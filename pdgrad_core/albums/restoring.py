"""Restoring the faces of several photos together, and laying them back into their photos."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..alignment.align import align_face
from ..diffusion.sampler import StepState
from ..errors import PDGradError
from ..matched import restore_matched
from ..models.sets import ModelSet
from ..people import Guide, Person
from ..photo_files import read_photo
from ..photos import FacePaster
from ..settings import Settings
from .face_reader import face_of, jpeg
from .tasks import OF_ONE, Restored, RestoreTask

PREVIEW_PX = 480
"""Longer side of the pictures of the report."""


@dataclass(frozen=True, eq=False)
class Cut:
    """The faces of a photo that are restored; the photo itself is read again afterwards.

    Attributes:
        task: What is asked for.
        crops: `(faces, 3, S, S)` in [-1, 1].
        guides: One per face.
    """

    task: RestoreTask
    crops: Tensor
    guides: list[Guide]


@dataclass(frozen=True, eq=False)
class FaceRestorer:
    """Restores photos whose faces are known.

    Attributes:
        models: What restores.
        settings: The method.
        put_back: Lays faces back.
        faces_at_once: Faces restored together, at most.
        on_step: Called after each step of a batch.
    """

    models: ModelSet
    settings: Settings
    put_back: FacePaster
    faces_at_once: int
    on_step: Callable[[StepState], None] | None = field(default=None, repr=False)

    def restore(self, batch: Sequence[RestoreTask], people: Sequence[Person]) -> Iterator[Restored]:
        """Restore the faces of some photos together, and write one result after the other.

        Where that fails for what one photo holds, the photos are tried one by one.
        """
        began = time.perf_counter()
        tried = [self.tried(task, people) for task in batch]
        yield from (one for one in tried if isinstance(one, Restored))
        cuts = [one for one in tried if isinstance(one, Cut)]
        if not cuts:
            return
        try:
            results = self._restored(cuts)
        except OF_ONE as error:
            if len(cuts) == 1:
                yield failed(cuts[0].task, error)
                return
            for cut in cuts:
                yield from self.restore([cut.task], people)
            return
        seconds = (time.perf_counter() - began) / sum(len(one.crops) for one in cuts)
        for cut, result in zip(cuts, results, strict=True):
            yield self.finish(cut, result, seconds * len(result))

    def tried(self, task: RestoreTask, people: Sequence[Person]) -> Cut | Restored:
        """Cut the faces out of their photo, or return why that cannot be done."""
        try:
            return self.cut(task, people)
        except OF_ONE as error:
            return failed(task, error)

    def cut(self, task: RestoreTask, people: Sequence[Person]) -> Cut:
        """Cut the faces out of their photo.

        Raises:
            PDGradError: The photo cannot be read.
        """
        photo = read_photo(task.file).image
        size_px = self.models.prior.image_size
        crops = [align_face(photo, face_of(row), size_px).crop for row in task.rows]
        known = {person.name: person for person in people}
        guides = [_guide(row, known.get(row["name"])) for row in task.rows]
        return Cut(task, torch.cat(crops), guides)

    def _restored(self, cuts: Sequence[Cut]) -> list[Tensor]:
        crops = torch.cat([one.crops for one in cuts])
        guides = [guide for one in cuts for guide in one.guides]
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
        return list(torch.cat(parts).split([len(one.crops) for one in cuts]))

    def finish(self, cut: Cut, results: Tensor, seconds: float) -> Restored:
        """Lay restored faces back into their photo, and write it.

        Args:
            cut: The faces.
            results: Their restorations, `(faces, 3, S, S)`.
            seconds: What they took.
        """
        task = cut.task
        try:
            photo = read_photo(task.file)
            size_px = self.models.prior.image_size
            faces = [align_face(photo.image, face_of(row), size_px) for row in task.rows]
            image = self.put_back(photo.image, faces, results)
            photo.write(image, task.target)
        except OF_ONE as error:
            return failed(task, error)
        before, after = (jpeg(picture, PREVIEW_PX) for picture in (photo.image, image))
        return Restored(task.path, round(seconds, 3), {"before": before, "after": after})


def failed(task: RestoreTask, error: PDGradError) -> Restored:
    """Return the result of a photo that could not be done."""
    return Restored(task.path, error=str(error))


def _guide(row: dict[str, Any], person: Person | None) -> Guide:
    if person is None:
        return Guide()
    crops = tuple(one.crop for one in person.portraits)
    return Guide(crops, tuple(person.weight * weight for weight in row["weights"]))

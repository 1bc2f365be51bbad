"""This process does the work."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from ... import __version__
from ...alignment.align import AlignedFace, align_face, take_as_aligned
from ...alignment.paste_settings import PasteSettings
from ...diffusion.sampler import StepState
from ...errors import InvalidInputError
from ...features.arcface import ArcFace
from ...models.sets import ModelSet
from ...people import Person, Recognizer
from ...photos import FaceFinder, FacePaster
from ...settings import Settings
from ...weights.integrity import sha256_of
from ..choices import AlbumChoices
from ..face_reader import FaceReader
from ..finding import find_faces
from ..people_folder import read_people
from ..restoring import FaceRestorer
from ..tasks import OF_ONE, Facts, LookTask, Restored, Seen
from .base import Batch, Executor


@dataclass(eq=False)
class LocalExecutor(Executor):
    """Looks and restores with models of its own.

    Attributes:
        reader: Says who is who.
        restorer: Restores.
        people: Whom faces are compared with.
    """

    reader: FaceReader
    restorer: FaceRestorer
    people: Sequence[Person] = field(default_factory=list[Person])

    @classmethod
    def of(
        cls,
        models: ModelSet,
        settings: Settings,
        choices: AlbumChoices,
        pasting: PasteSettings,
        *,
        folders: Sequence[Path] = (),
        faces_at_once: int = 8,
        on_step: Callable[[StepState], None] | None = None,
    ) -> "LocalExecutor":
        """Return one with the detector loaded; see `AlbumJob` for the arguments."""
        finder = FaceFinder(
            models.prior.image_size,
            folders=folders,
            device=models.device,
            threshold=choices.threshold,
        )
        arcface, restorer = models.features.get("arcface"), models.restorer
        slow = restorer is None or restorer.samples or restorer.depends_on_x_t
        reader = FaceReader(
            detector=finder.load_detector(),
            recognizer=Recognizer(arcface) if isinstance(arcface, ArcFace) else None,
            restorer=None if slow else restorer,
            choices=choices,
            size_px=models.prior.image_size,
        )
        put_back = FacePaster(folders, models.device, pasting)
        done = FaceRestorer(models, settings, put_back, faces_at_once, on_step)
        return cls(reader, done)

    def facts(self) -> Facts:
        """See `Executor`."""
        models, recognizer = self.restorer.models, self.reader.recognizer
        return Facts(
            version=__version__,
            size_px=models.prior.image_size,
            detector=type(self.reader.detector).__name__,
            precision=models.precision,
            networks={role: sha256_of(path) for role, path in sorted(models.paths.items())},
            rates=None if recognizer is None else recognizer.rates,
            faces_at_once=self.restorer.faces_at_once,
            place=f"{socket.gethostname()} (process {os.getpid()})",
        )

    def meet(self, folder: Path | None) -> list[Person]:
        """See `Executor`."""
        reader = self.reader
        if folder is None:
            return []
        if reader.recognizer is None:
            raise InvalidInputError("People are compared by ArcFace; load the models with it.")
        choices = AlbumChoices(threshold=reader.choices.threshold, tiles=False)

        def find(photo: Tensor) -> list[AlignedFace]:
            if photo.shape[-2:] == (reader.size_px, reader.size_px):
                return [take_as_aligned(photo, reader.size_px)]
            faces = find_faces(photo, reader.detector, choices)
            return [align_face(photo, face, reader.size_px) for face in faces]

        people = read_people(folder, find, reader.recognizer)
        self.people = people
        return people

    def look(self, tasks: Iterable[LookTask]) -> Iterator[tuple[LookTask, Seen]]:
        """See `Executor`."""
        for task in tasks:
            yield task, self.seen(task)

    def seen(self, task: LookTask) -> Seen:
        """Return what is seen on one photo."""
        try:
            return self.reader.look(task, self.people)
        except OF_ONE as error:
            return Seen(error=str(error))

    def restore(self, batches: Iterable[Batch]) -> Iterator[Restored]:
        """See `Executor`."""
        for batch in batches:
            yield from self.restorer.restore(batch, self.people)

"""An album made ready: folders, people, the work list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..alignment.paste_settings import PasteSettings
from ..diffusion.sampler import StepState
from ..errors import InvalidInputError
from ..models.sets import ModelSet
from ..settings import Settings
from .album import Album
from .boxes import read_boxes
from .choices import AlbumChoices
from .executors import Executor, LocalExecutor
from .looking import Looker
from .progress import Progress
from .results import Results
from .scans import check_folders, photos_of, result_names
from .work_list import WorkList


@dataclass(frozen=True, eq=False)
class AlbumJob:
    """All that an album needs.

    Attributes:
        scans: Folder of the photos.
        out: Folder of the results.
        people: Folder of the people; None for none.
        models: With ArcFace among the features, where there are people; None where an executor is
            given.
        settings: The method.
        choices: How faces are found, and what becomes of strangers.
        pasting: How faces are laid back.
        folders: Where the detector's and ParseNet's weights are looked for.
        boxes: File of faces given by hand.
        faces_at_once: Faces restored together, at most.
        tell: Called after each photo.
        on_step: Called after each step.
        executor: Who does the work; None for this process.
    """

    scans: Path
    out: Path
    people: Path | None
    models: ModelSet | None
    settings: Settings
    choices: AlbumChoices = field(default_factory=AlbumChoices)
    pasting: PasteSettings = field(default_factory=PasteSettings)
    folders: Sequence[Path] = ()
    boxes: Path | None = None
    faces_at_once: int = 8
    tell: Callable[[Progress], None] = field(default=lambda _: None, repr=False)
    on_step: Callable[[StepState], None] | None = field(default=None, repr=False)
    executor: Executor | None = None

    def open(self) -> Album:
        """Return the album, its work list open.

        Raises:
            PDGradError: Folders, people, boxes or settings that cannot be used.
        """
        check_folders(self.scans, self.people, self.out)
        photos = photos_of(self.scans)
        places = {} if self.boxes is None else read_boxes(self.boxes, photos)
        executor = self._executor()
        people, facts = executor.meet(self.people), executor.facts()
        work, names = WorkList(self.out), result_names(photos)
        looker = Looker(self.scans, work, facts, people, self.choices, places)
        results = Results(
            scans=self.scans,
            out=self.out,
            names=names,
            work=work,
            facts=facts,
            settings=self.settings,
            pasting=self.pasting,
            people=people,
            leave_unknown=self.choices.unknown == "leave",
        )
        return Album(self.out, photos, people, work, looker, results, executor, self.tell)

    def _executor(self) -> Executor:
        if self.executor is not None:
            return self.executor
        if self.models is None:
            raise InvalidInputError("An album needs models, or an executor that has some.")
        return LocalExecutor.of(
            self.models,
            self.settings,
            self.choices,
            self.pasting,
            folders=self.folders,
            faces_at_once=self.faces_at_once,
            on_step=self.on_step,
        )

"""An album made ready: models, people, the work list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from ..alignment.align import AlignedFace, align_face, take_as_aligned
from ..alignment.detect import FaceDetector
from ..alignment.paste_settings import PasteSettings
from ..diffusion.sampler import StepState
from ..errors import InvalidInputError
from ..features.arcface import ArcFace
from ..models.sets import ModelSet
from ..people import Person, Recognizer
from ..photos import FaceFinder, FacePaster
from ..settings import Settings
from ..weights.integrity import sha256_of
from .album import Album
from .boxes import read_boxes
from .choices import AlbumChoices
from .finding import find_faces
from .looking import Looker
from .people_folder import read_people
from .progress import Progress
from .restoring import PhotoRestorer
from .scans import check_folders, photos_of, result_names
from .work_list import WorkList


@dataclass(frozen=True, eq=False)
class AlbumJob:
    """All that an album needs.

    Attributes:
        scans: Folder of the photos.
        out: Folder of the results.
        people: Folder of the people; None for none.
        models: With ArcFace among the features, where there are people.
        settings: The method.
        choices: How faces are found, and what becomes of strangers.
        pasting: How faces are laid back.
        folders: Where the detector's and ParseNet's weights are looked for.
        boxes: File of faces given by hand.
        faces_at_once: Faces restored together, at most.
        tell: Called after each photo.
        on_step: Called after each step.
    """

    scans: Path
    out: Path
    people: Path | None
    models: ModelSet
    settings: Settings
    choices: AlbumChoices = field(default_factory=AlbumChoices)
    pasting: PasteSettings = field(default_factory=PasteSettings)
    folders: Sequence[Path] = ()
    boxes: Path | None = None
    faces_at_once: int = 8
    tell: Callable[[Progress], None] = field(default=lambda _: None, repr=False)
    on_step: Callable[[StepState], None] | None = field(default=None, repr=False)

    def open(self) -> Album:
        """Return the album, its work list open.

        Raises:
            PDGradError: Folders, people, boxes or settings that cannot be used.
        """
        check_folders(self.scans, self.people, self.out)
        photos = photos_of(self.scans)
        places = {} if self.boxes is None else read_boxes(self.boxes, photos)
        size_px = self.models.prior.image_size
        finder = FaceFinder(size_px, folders=self.folders, device=self.models.device,
                            threshold=self.choices.threshold)  # fmt: skip
        detector = finder.load_detector()
        recognizer = self._recognizer()
        people = self._people(detector, recognizer, size_px)
        digests = {role: sha256_of(path) for role, path in sorted(self.models.paths.items())}
        work, names = WorkList(self.out), result_names(photos)
        restorer = self.models.restorer
        slow = restorer is None or restorer.samples or restorer.depends_on_x_t
        looker = Looker(
            scans=self.scans,
            work=work,
            detector=detector,
            recognizer=recognizer,
            restorer=None if slow else restorer,
            people=people,
            choices=self.choices,
            places=places,
            size_px=size_px,
            networks={role: digests.get(role, "") for role in ("arcface", "restorer")},
        )
        done = PhotoRestorer(
            scans=self.scans,
            out=self.out,
            names=names,
            work=work,
            models=self.models,
            settings=self.settings,
            put_back=FacePaster(self.folders, self.models.device, self.pasting),
            people={person.name: person for person in people},
            leave_unknown=self.choices.unknown == "leave",
            networks=digests,
            faces_at_once=self.faces_at_once,
            on_step=self.on_step,
        )
        return Album(self.out, photos, people, work, looker, done, self.tell)

    def _recognizer(self) -> Recognizer | None:
        arcface = self.models.features.get("arcface")
        if isinstance(arcface, ArcFace):
            return Recognizer(arcface)
        if self.people is not None:
            raise InvalidInputError("People are compared by ArcFace; load the models with it.")
        return None

    def _people(
        self, detector: FaceDetector, recognizer: Recognizer | None, size_px: int
    ) -> list[Person]:
        if self.people is None or recognizer is None:
            return []
        choices = AlbumChoices(threshold=self.choices.threshold, tiles=False)

        def find(photo: Tensor) -> list[AlignedFace]:
            if photo.shape[-2:] == (size_px, size_px):
                return [take_as_aligned(photo, size_px)]
            faces = find_faces(photo, detector, choices)
            return [align_face(photo, face, size_px) for face in faces]

        return read_people(self.people, find, recognizer)

"""`pdgrad restore --frames`: the photos are frames of one video, restored by portions."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .hints import load_mask
from .model_options import step_progress
from .streams import say

if TYPE_CHECKING:
    from torch import Tensor

    from ..photo_files import PhotoFile
    from ..pipeline import Restoration
    from ..sequences import PhotoFaces, Portion
    from .restore_work import RestoreWork


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add --frames and --faces-at-once."""
    group = parser.add_argument_group("frames of a video")
    group.add_argument(
        "--frames", action="store_true",
        help="the photos are frames of one video, in their order: faces of several frames are "
        "restored together, all with the same noise; a frame without a face is written as it is",
    )  # fmt: skip
    group.add_argument(
        "--faces-at-once", type=int, metavar="N",
        help="faces restored together (default: as many as the device's memory takes)",
    )  # fmt: skip


def check_frame_options(args: argparse.Namespace) -> None:
    """Refuse what does not fit frames, and what is of use to frames only.

    Raises:
        InvalidInputError: An option does not fit.
        ImageError: A frame is missing.
    """
    from ..alignment import landmarks_of_photos
    from ..errors import ImageError, InvalidInputError

    if not args.frames:
        if args.faces_at_once is not None:
            raise InvalidInputError("--faces-at-once divides a video's frames; add --frames.")
        return
    if args.faces_at_once is not None and args.faces_at_once < 1:
        raise InvalidInputError(f"--faces-at-once must be 1 or more, not {args.faces_at_once}.")
    if args.save_stages:
        raise InvalidInputError(
            "--save-stages writes down one photo's run; restore a frame without --frames to see it."
        )
    for option, given in (("--landmarks", args.landmarks), ("--mask", args.mask)):
        allowed = {1, len(args.photos)} if option == "--mask" else {1}
        if given and len(given) not in allowed:
            raise InvalidInputError(
                f"With --frames {option} is given once for all frames, not {len(given)} times."
            )
    if args.landmarks:
        landmarks_of_photos(args.landmarks[0], len(args.photos))
    missing = [path for path in args.photos if not path.is_file()]
    if missing:
        raise ImageError(f"{len(missing)} frames are not there, the first is {missing[0]}.")


@dataclass
class Frames:
    """Restores a video's frames and writes each as soon as it is done.

    Attributes:
        work: What all frames share.
        counts: Each frame's faces, filled while they are read.
        open: Frames that were read and not written yet, by their numbers.
    """

    work: "RestoreWork"
    counts: list[int] = field(default_factory=list[int])
    open: "dict[int, PhotoFile]" = field(default_factory=dict[int, "PhotoFile"])

    def restore(self) -> list[dict[str, Any]]:
        """Restore all frames and return a report of each.

        Raises:
            NoFaceError: No frame has a face.
        """
        from ..errors import NoFaceError
        from ..photos import keep_known_pixels
        from ..sequences import in_portions, what_was_found

        work = self.work
        limit = work.args.faces_at_once or work.faces_at_once
        row = work.settings.resolved()
        for frame, results in in_portions(self._found(), limit, self._restored):
            whole = work.put_back(frame.photo, frame.faces, results)
            if row.keeps_known:
                whole = keep_known_pixels(frame.photo, whole, self._mask(frame.number, frame.photo))
            self.open.pop(frame.number).write(whole, work.outputs.pictures[frame.number])
        if not any(self.counts):
            raise NoFaceError(
                f"None of the {len(self.counts)} frames has a face; all were written as they are."
            )
        if not work.args.json:
            say(f"{work.args.out}: {what_was_found(self.counts)}")
        return [
            {"photo": str(path), "out": str(out), "faces": faces}
            for path, out, faces in zip(
                work.args.photos, work.outputs.pictures, self.counts, strict=True
            )
        ]

    def _found(self) -> "Iterator[PhotoFaces]":
        """Read the frames; write those without a face, and give the others on."""
        from ..alignment import landmarks_of_photos
        from ..errors import NoFaceError
        from ..photo_files import read_photo

        paths: list[Path] = self.work.args.photos
        given = self.work.args.landmarks
        texts = landmarks_of_photos(given[0], len(paths)) if given else [None] * len(paths)
        for number, path in enumerate(paths):
            photo = read_photo(path)
            try:
                found = self._frame(number, photo.image, texts[number])
                self.open[number] = photo
            except NoFaceError:
                photo.write(photo.image, self.work.outputs.pictures[number])
                found = None
            self.counts.append(0 if found is None else len(found.faces))
            if found is not None:
                yield found

    def _frame(self, number: int, photo: "Tensor", landmarks: str | None) -> "PhotoFaces":
        from ..photos import cut_masks
        from ..sequences import PhotoFaces

        faces = self.work.search.faces(photo, landmarks)
        mask = self._mask(number, photo)
        masks = None if mask is None else cut_masks(mask, faces)
        return PhotoFaces(number, photo, faces, self.work.settings.seed, masks)

    def _mask(self, number: int, photo: "Tensor") -> "Tensor | None":
        """Return a frame's mask: its own, or the one of all frames."""
        given = self.work.args.mask
        return load_mask(given, number if given and len(given) > 1 else 0, photo)

    def _restored(self, portion: "Portion") -> "Tensor":
        from ..pipeline import restore_faces
        from ..recipes import Hints

        work = self.work
        title = f"frame {len(self.counts)} of {len(work.args.photos)}"
        with step_progress(title) as show:
            found: Restoration = restore_faces(
                portion.crops,
                work.references,
                work.models,
                work.settings,
                hints=Hints(portion.masks, work.style),
                seeds=portion.seeds,
                on_step=show,
            )
        return found.image.cpu()

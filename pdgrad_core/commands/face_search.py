"""How `pdgrad restore` finds faces, and what it advises where it finds none."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NoFaceError, NoSuchFaceError

if TYPE_CHECKING:
    import torch

    from ..alignment.align import AlignedFace
    from ..alignment.detect import FaceDetector
    from ..photos import FaceFinder

DETECTION_THRESHOLD = 0.97


def add_detection_option(group: Any) -> None:
    """Add --detection-threshold."""
    group.add_argument(
        "--detection-threshold", type=float, default=DETECTION_THRESHOLD, metavar="X",
        help="lowest score, 0..1, of what is taken for a face (default: %(default)s)",
    )  # fmt: skip


def check_face_options(args: argparse.Namespace) -> None:
    """Raise InvalidInputError for landmarks that are not one per photo, or a wrong threshold."""
    from ..parameters import Param

    Param(0.0, 1.0).check("--detection-threshold", args.detection_threshold)
    for option, texts, paths in (
        ("--landmarks", None if args.frames else args.landmarks, args.photos),
        ("--reference-landmarks", args.reference_landmarks, args.reference),
    ):
        if texts is not None and len(texts) != len(paths):
            raise InvalidInputError(
                f"{option} is given {len(texts)} times for {len(paths)} photos; "
                "give it once for each."
            )


@dataclass(frozen=True)
class FaceSearch:
    """Finds the faces of photos and references; the detector is loaded once, where one is needed.

    Attributes:
        finder: Which faces, and at what size.
        threshold: Of detection, for the advice.
        detector: None where all faces are given.
    """

    finder: "FaceFinder"
    threshold: float
    detector: "FaceDetector | None"

    @classmethod
    def of(cls, args: argparse.Namespace, finder: "FaceFinder") -> "FaceSearch":
        """Return the search that a command line asks for.

        Raises:
            CheckpointNotFoundError: Faces have to be detected, and the detector is not here.
        """
        given = args.landmarks and (args.reference_landmarks or not args.reference)
        detector = None if args.aligned or given else finder.load_detector()
        return cls(finder, args.detection_threshold, detector)

    def faces(self, photo: "torch.Tensor", landmarks: str | None) -> "list[AlignedFace]":
        """Return the chosen faces of a photo `(1, 3, H, W)`; see `FaceFinder`."""
        return self._found(self.finder, photo, landmarks, "--landmarks")

    def references(
        self, paths: Sequence[Path], photos: "Sequence[torch.Tensor]", texts: Sequence[str] | None
    ) -> "list[torch.Tensor]":
        """Return the largest face of each reference photo, `(1, 3, S, S)`.

        Raises:
            PDGradError: A reference has no face, or is no aligned face; the message names it.
        """
        largest = replace(self.finder, which="largest")
        crops: list[torch.Tensor] = []
        for path, photo, text in zip(paths, photos, texts or [None] * len(paths), strict=True):
            try:
                (face,) = self._found(largest, photo, text, "--reference-landmarks")
            except (InvalidInputError, NoFaceError) as error:
                raise type(error)(f"The reference {path}: {error}") from error
            crops.append(face.crop)
        return crops

    def _found(
        self, finder: "FaceFinder", photo: "torch.Tensor", landmarks: str | None, option: str
    ) -> "list[AlignedFace]":
        try:
            return finder(photo, landmarks, self.detector)
        except NoSuchFaceError:
            raise
        except NoFaceError as error:
            raise NoFaceError(
                f"No face was found in this photo; lower --detection-threshold ({self.threshold:g} "
                f"now), give the face's landmarks by hand ({option}), or say that it is an aligned "
                "face already (--aligned)."
            ) from error

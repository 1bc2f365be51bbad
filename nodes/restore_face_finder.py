"""Where Restore Face gets its faces from: landmarks, meshes, or the detector, loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..pdgrad_core.alignment import faces_from_text, landmarks_of_photos
from ..pdgrad_core.photos import FaceFinder
from ..pdgrad_core.sequences import found_anywhere
from .align import face_detector
from .boundary import stop_if_interrupted
from .face_sockets import faces_of_meshes, in_boxes
from .picture_checks import check_trained_size
from .restore_face_inputs import ALIGNED, AUTO

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace, Face, FaceDetector
    from .frames import Frames


_CURE = "set models to photos for photographs (512 px), to demo for the drawn faces (64 px)"


@dataclass
class PhotoFinder:
    """Finds the faces of the photos and of the references, as the node's inputs say.

    Attributes:
        values: The node's inputs.
        size_px: Side of the crops.
    """

    values: dict[str, Any]
    size_px: int

    def faces(self, photos: Frames) -> list[list[AlignedFace]]:
        """Return the chosen faces of every photo; among several photos one may have none."""
        count = len(photos)
        size = (photos.given.shape[1], photos.given.shape[2])
        meshes, boxes = self.values.get("face_landmarks"), self.values.get("bounding_boxes")
        known = None if meshes is None else faces_of_meshes(meshes, count, size)
        texts = self._texts("landmarks", count)

        def find(number: int, photo: Tensor) -> list[AlignedFace]:
            stop_if_interrupted()
            finder = FaceFinder(self.size_px, self._is_aligned(photo), self.values["faces"])
            if finder.aligned:
                check_trained_size(photo.shape[-2:], self.size_px, "The aligned face", _CURE)
                return finder(photo)
            found = self._all(photo, texts[number]) if known is None else known[number]
            if boxes is not None:
                found = in_boxes(found, boxes, number, count)
            typed = known is None and texts[number] is not None
            return finder.cut_typed(photo, found) if typed else finder.cut(photo, found)

        return found_anywhere(map(photos.photo, range(count)), find)

    def references(self, photos: Sequence[Tensor]) -> list[Tensor]:
        """Return the largest face of every reference photo, `(1, 3, S, S)`."""
        texts = self._texts("reference_landmarks", len(photos))
        return [self._reference(*both) for both in zip(photos, texts, strict=True)]

    def _reference(self, photo: Tensor, text: str | None) -> Tensor:
        finder = FaceFinder(self.size_px, self._is_aligned(photo))
        if finder.aligned:
            return finder(photo)[0].crop
        return finder.cut(photo, self._all(photo, text))[0].crop

    def _texts(self, name: str, photos: int) -> Sequence[str | None]:
        """Return each photo's landmarks; None where none are given."""
        text = self.values.get(name) or ""
        return landmarks_of_photos(text, photos) if text.strip() else [None] * photos

    def _all(self, photo: Tensor, text: str | None) -> list[Face]:
        if text is None:
            return self._detector(photo)
        return faces_from_text(text, *photo.shape[-2:])

    def _is_aligned(self, photo: Tensor) -> bool:
        how = self.values["photo_is"]
        square = photo.shape[-2:] == (self.size_px, self.size_px)
        return how == ALIGNED or (how == AUTO and square)

    @cached_property
    def _detector(self) -> FaceDetector:
        return face_detector()

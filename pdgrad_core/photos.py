"""From whole photos to aligned faces and back: what stands around `restore_faces`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from .alignment.align import AlignedFace, align_face, take_as_aligned
from .alignment.choose import choose_faces
from .alignment.detect import FaceDetector
from .alignment.detectors import best_detector
from .alignment.face import Face, invert
from .alignment.landmark_text import faces_from_text
from .alignment.mask import FaceParser, load_parser
from .alignment.paste_back import paste_back
from .alignment.paste_settings import PasteSettings
from .alignment.warp import warp
from .errors import NoFaceError
from .images import resize
from .masks import with_known_pixels
from .weights.catalogue import weight_file
from .weights.folders import locate


@dataclass(frozen=True)
class FaceFinder:
    """How faces are found in photos.

    Attributes:
        size_px: Side of the aligned crops.
        aligned: Photos are aligned crops already.
        which: Which of the faces found; see `choose_faces`.
        folders: Where the detector's weights are looked for, when a face has to be detected.
        device: Where detection runs.
        threshold: Lowest score, 0..1, of what is taken for a face.
    """

    size_px: int
    aligned: bool = False
    which: str = "largest"
    folders: Sequence[Path] = ()
    device: torch.device | str = "cpu"
    threshold: float = 0.97

    def __call__(
        self,
        photo: Tensor,
        landmarks: str | None = None,
        detector: FaceDetector | None = None,
    ) -> list[AlignedFace]:
        """Cut the chosen faces out of a photo.

        Args:
            photo: `(1, 3, H, W)` in [-1, 1].
            landmarks: The faces' landmarks, "x,y x,y ..." on a line for each; nothing is detected
                then.
            detector: The detector, where it is loaded already.

        Raises:
            NoFaceError: No face was found.
            InvalidInputError: An aligned photo is not square, or the landmarks make no face.
        """
        if self.aligned:
            return [take_as_aligned(photo, self.size_px)]
        if landmarks is None:
            return self.cut(photo, (detector or self.load_detector())(photo))
        return self.cut_typed(photo, faces_from_text(landmarks, *photo.shape[-2:]))

    def cut(self, photo: Tensor, faces: Sequence[Face]) -> list[AlignedFace]:
        """Cut the chosen ones of a photo's faces out of it.

        Raises:
            NoFaceError: There is none, or not the chosen one.
        """
        chosen = choose_faces(faces, self.which)
        return [align_face(photo, face, self.size_px) for face in chosen]

    def cut_typed(self, photo: Tensor, faces: Sequence[Face]) -> list[AlignedFace]:
        """Cut out faces given by hand: one alone is meant, whatever number is asked for."""
        return (replace(self, which="all") if len(faces) == 1 else self).cut(photo, faces)

    def load_detector(self) -> FaceDetector:
        """Load RetinaFace from the folders, or the small detector where it is in none."""
        found = locate(weight_file("retinaface"), self.folders)
        return best_detector(found, self.device, self.threshold)


# A crop's pixel is missing if the hole's share in it could change its 8-bit value.
_LEAK = 1 / 1024
_FILLINGS = 8


def cut_masks(mask: Tensor, faces: Sequence[AlignedFace]) -> Tensor:
    """Cut a mask along with the faces; what the hole leaked into on the way is missing too.

    Args:
        mask: `(1, 1, H, W)` on the photo, 1 where it is missing.
        faces: The faces cut out of the photo.

    Returns:
        `(len(faces), 1, S, S)` of 0 and 1.
    """
    # The resampling's weights are partly negative and may cancel over a plain mask, so the hole is
    # filled in several random ways: where any of them shows, the hole leaked in.
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (1, _FILLINGS, *mask.shape[-2:]), generator=generator) * 2 - 1
    filled = signs * mask.cpu()
    cut: list[Tensor] = []
    for face in faces:
        size = face.size_px
        if face.whole:
            moved = resize(filled, size, size, "bicubic")
        else:
            moved = warp(filled, invert(face.matrix), size, size)
        cut.append((moved.abs().amax(1, keepdim=True) > _LEAK).float())
    return torch.cat(cut)


def keep_known_pixels(photo: Tensor, result: Tensor, mask: Tensor | None) -> Tensor:
    """Return a restored photo whose known pixels are the photo's own, to the bit.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        result: The photo with its faces put back. An aligned photo's may have another size, and
            keeps its known pixels as they were cut out (`restore_faces`).
        mask: `(1, 1, H, W)` on the photo, 1 where it is missing; None keeps nothing.
    """
    if mask is None or result.shape[-2:] != photo.shape[-2:]:
        return result
    return with_known_pixels(result, photo, mask)


@dataclass(frozen=True)
class FacePaster:
    """Puts restored faces back into one photo after the other; ParseNet is loaded once.

    The outline of face and hair is ParseNet's where its weights are in the folders; otherwise it
    follows from the landmarks and from what was changed.

    Attributes:
        folders: Where ParseNet's weights are looked for.
        device: Where ParseNet runs.
        settings: Outline, edge and what is matched.
    """

    folders: Sequence[Path] = ()
    device: torch.device | str = "cpu"
    settings: PasteSettings = field(default_factory=PasteSettings)

    def __call__(self, photo: Tensor, faces: Sequence[AlignedFace], results: Tensor) -> Tensor:
        """Paste restored faces into their photo; an already aligned photo becomes its result.

        Args:
            photo: `(1, 3, H, W)` in [-1, 1].
            faces: The faces cut out of it.
            results: Their restorations, `(len(faces), 3, S, S)`.
        """
        if not faces:
            raise NoFaceError("There is no restored face to put back into the photo.")
        if faces[0].whole:
            return results[:1]
        parts = list(results.split(1))
        return paste_back(photo, faces, parts, self.settings, parser=self._parser)

    @cached_property
    def _parser(self) -> FaceParser | None:
        """ParseNet, from the first photo on that needs it; it goes with the paster."""
        if self.settings.outline != "face":
            return None
        path = locate(weight_file("parsenet"), self.folders)
        return None if path is None else load_parser(path, self.device)


def put_back(
    photo: Tensor,
    faces: Sequence[AlignedFace],
    results: Tensor,
    folders: Sequence[Path] = (),
    device: torch.device | str = "cpu",
    settings: PasteSettings | None = None,
) -> Tensor:
    """Paste restored faces into one photo; for several see `FacePaster`, whose arguments it has."""
    return FacePaster(folders, device, settings or PasteSettings())(photo, faces, results)

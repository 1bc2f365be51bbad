"""The faces of a photo, and who they are."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..alignment.align import AlignedFace, align_face
from ..alignment.detect import FaceDetector
from ..alignment.face import Face
from ..images import to_pil
from ..people import Match, Person, Recognizer, Similarities, match_faces, pose_of
from ..photo_files import read_photo
from ..restorers import Restorer
from .choices import AlbumChoices
from .finding import find_faces
from .tasks import LookTask, Seen

THUMB_PX = 112
"""Side of the small pictures of faces on the contact sheet."""


@dataclass(frozen=True, eq=False)
class FaceReader:
    """Finds the faces of photos and says who they are.

    Attributes:
        detector: Finds faces.
        recognizer: Compares them; None where there are no people.
        restorer: Makes their coarse restorations; None where that costs a sampling.
        choices: What is looked for.
        size_px: Side of the crops.
    """

    detector: FaceDetector
    recognizer: Recognizer | None
    restorer: Restorer | None
    choices: AlbumChoices
    size_px: int

    def look(self, task: LookTask, people: Sequence[Person]) -> Seen:
        """Return what is seen on a photo.

        Raises:
            PDGradError: The photo cannot be read, or what was given by hand does not fit it.
        """
        photo = read_photo(task.file).image
        faces = find_faces(photo, self.detector, self.choices, task.places)
        cut = [align_face(photo, face, self.size_px) for face in faces]
        matches = self._matches(cut, faces, task.said, people)
        rows = [_row(face, match) for face, match in zip(faces, matches, strict=True)]
        return Seen(rows, {f"face{i}": _thumb(face.crop) for i, face in enumerate(cut)})

    def _matches(
        self,
        cut: Sequence[AlignedFace],
        faces: Sequence[Face],
        said: Sequence[tuple[float, float, str]],
        people: Sequence[Person],
    ) -> list[Match]:
        if not cut:
            return []
        if self.recognizer is None or not people:
            return [Match(None, "", 0.0, 0.0)] * len(cut)
        crops = torch.cat([face.crop for face in cut])
        coarse = None if self.restorer is None else self.restorer(crops.to(self.restorer_device))
        probes = self.recognizer.probe(crops, coarse)
        alike = Similarities.of(probes, [pose_of(face) for face in cut], people)
        threshold = self.choices.cosine(self.recognizer.rates, len(people))
        return match_faces(alike, people, threshold, _said_of(faces, said))

    @property
    def restorer_device(self) -> torch.device:
        """Where coarse restorations are made."""
        network = None if self.restorer is None else self.restorer.network
        home = None if network is None else next(network.parameters(), None)
        return torch.device("cpu") if home is None else home.device


def face_of(row: dict[str, Any]) -> Face:
    """Return the face of a record's row."""
    box = row["box"]
    points = np.array(row["landmarks"], dtype=np.float64)
    return Face((box[0], box[1], box[2], box[3]), row["score"], points)


def middle_of(face: Face) -> tuple[float, float, float]:
    """Return the middle of a face, and how far from it a place still means it, px."""
    x, y = face.landmarks.mean(axis=0).tolist()
    return x, y, float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))


def _said_of(faces: Sequence[Face], said: Sequence[tuple[float, float, str]]) -> list[str | None]:
    """Return what was said of each face: by places, since numbers change with what is found."""
    found: list[str | None] = [None] * len(faces)
    for x, y, name in said:
        distances = [
            float(np.hypot(face_x - x, face_y - y)) / near
            for face_x, face_y, near in map(middle_of, faces)
        ]
        if distances and min(distances) < 1:
            found[distances.index(min(distances))] = name
    return found


def _row(face: Face, match: Match) -> dict[str, Any]:
    return {
        "box": [round(edge, 2) for edge in face.box],
        "score": round(face.score, 4),
        "landmarks": np.round(face.landmarks, 2).tolist(),
        "name": match.name,
        "similarity": round(match.similarity, 4),
        "margin": round(match.margin, 4),
        "nearest": match.nearest,
        "weights": [round(weight, 4) for weight in match.weights],
        "by_hand": match.by_hand,
        "leave": match.leave,
    }


def _thumb(crop: Tensor) -> bytes:
    return jpeg(crop, THUMB_PX, 85)


def jpeg(image: Tensor, longest_px: int, quality: int = 82) -> bytes:
    """Return a small picture, `(1, 3, H, W)` in [-1, 1], as JPEG bytes."""
    picture = to_pil(image)
    picture.thumbnail((longest_px, longest_px))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()

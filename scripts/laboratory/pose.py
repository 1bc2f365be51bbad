"""How far faces are turned to a side, by dlib's five points: are truth and reference alike?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pdgrad_core.images import load_image, resize, to_pil

POINTS = "shape_predictor_5_face_landmarks.dat"
SIDE_PX = 256

# The face within the aligned template, in 256ths: left, top, right, bottom.
_FACE = (48, 72, 208, 232)


class Turns:
    """Measures pictures of aligned faces.

    Args:
        path: dlib's predictor of five points (CC0).
    """

    def __init__(self, path: Path) -> None:
        import dlib  # from the package dlib-bin

        self.predictor: Any = dlib.shape_predictor(str(path))
        self.box: Any = dlib.rectangle(*_FACE)

    def __call__(self, picture: Path) -> float:
        """Return how far the nose lies beside the middle of the eyes, in distances of the eyes."""
        image = resize(load_image(picture), SIDE_PX, SIDE_PX, "bicubic").clamp(-1, 1)
        found = self.predictor(np.asarray(to_pil(image)), self.box)
        points = np.array([(point.x, point.y) for point in found.parts()], float)
        eyes, nose = points[:4], points[4]
        return float((nose[0] - eyes[:, 0].mean()) / np.linalg.norm(eyes[0] - eyes[2]))


def alike(turns: Turns, truths: Sequence[Path], references: Sequence[Path]) -> list[bool]:
    """Return which half of the pairs each belongs to: turned alike, or more unlike.

    Args:
        turns: Measures.
        truths: Pictures of the faces themselves.
        references: One for each.
    """
    pairs = zip(truths, references, strict=True)
    gaps = [abs(turns(truth) - turns(other)) for truth, other in pairs]
    middle = sorted(gaps)[(len(gaps) - 1) // 2]
    return [gap <= middle for gap in gaps]

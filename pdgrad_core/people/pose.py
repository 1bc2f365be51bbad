"""What makes a reference useful for a face, besides who it is: the pose, and how sharp it is."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..alignment.align import AlignedFace
from ..images import check_image, resize

Pose = tuple[float, float]
"""How far the nose stands beside the eyes' middle, and how far down towards the mouth.

Both are in parts of the face: of the distance between the eyes, and of that from eyes to mouth.
"""

POSE_SPREAD = (0.15, 0.12)
"""Differences of pose at which a reference counts for 0.6 of one in the same pose."""

_LUMA = (0.299, 0.587, 0.114)


def pose_of(face: AlignedFace) -> Pose | None:
    """Return a face's pose from its landmarks, or None where they do not tell.

    An aligned picture's landmarks are the template's, and three points have no nose.
    """
    points: NDArray[np.float64] = face.landmarks
    if face.whole or len(points) != 5:
        return None
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across, down = points[1] - points[0], mouth - eyes
    width, height = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    if width < 1e-6 or height < 1e-6:
        return None
    nose = points[2] - eyes
    return float(nose @ across) / width**2, float(nose @ down) / height**2


def pose_likeness(first: Pose | None, second: Pose | None) -> float:
    """Return how well a reference's pose fits a face's, from 0 to 1; 1 where one is unknown."""
    if first is None or second is None:
        return 1.0
    parts = zip(first, second, POSE_SPREAD, strict=True)
    return float(np.exp(-0.5 * sum(((a - b) / spread) ** 2 for a, b, spread in parts)))


def sharpness_of(crop: Tensor) -> float:
    """Return the share of fine detail in a picture's contrast, 0 for a plain one.

    Args:
        crop: `(1, 3, S, S)` in [-1, 1].
    """
    check_image(crop, "The face")
    weights = torch.tensor(_LUMA, dtype=torch.float32).view(1, 3, 1, 1)
    luma = (crop.detach().cpu().float() * weights).sum(1, keepdim=True)
    height, width = luma.shape[-2:]
    # The middle of an aligned crop is face; a sharp backdrop says nothing of it.
    luma = luma[..., height // 4 : -(height // 8) or None, width // 4 : -(width // 4) or None]
    half = resize(luma, max(1, luma.shape[-2] // 2), max(1, luma.shape[-1] // 2))
    fine = luma - resize(half, luma.shape[-2], luma.shape[-1])
    spread = float(luma.std(correction=0))
    return 0.0 if spread < 1e-4 else float(fine.std(correction=0)) / spread

"""The five points of a face out of a dense mesh of landmarks."""

import numpy as np

from ..errors import InvalidInputError
from .face import Points

# Vertices of MediaPipe's face mesh: corners and lids of each eye, tip of the nose, mouth corners.
# The mesh names sides as the person has them; ours are the picture's.
_LEFT_EYE, _RIGHT_EYE = (33, 133, 159, 145), (263, 362, 386, 374)
_NOSE, _LEFT_MOUTH, _RIGHT_MOUTH = (1,), (61,), (291,)
_LEAST = 468
"""Vertices without the irises, which come after them."""


def points_from_mesh(mesh: Points) -> Points:
    """Return eyes, nose and mouth corners of a face mesh.

    Source: the vertices of MediaPipe Face Mesh.

    Args:
        mesh: `(468 or more, 2)`, x and y in pixels.

    Returns:
        `(5, 2)`, as `Face` has them.

    Raises:
        InvalidInputError: It is no such mesh.
    """
    mesh = np.asarray(mesh, dtype=np.float64)
    if mesh.ndim != 2 or mesh.shape[0] < _LEAST or mesh.shape[1] < 2:
        raise InvalidInputError(
            f"A face mesh has {_LEAST} points x,y or more, not {tuple(mesh.shape)}."
        )
    groups = (_LEFT_EYE, _RIGHT_EYE, _NOSE, _LEFT_MOUTH, _RIGHT_MOUTH)
    return np.stack([mesh[list(group), :2].mean(axis=0) for group in groups])

import numpy as np
import pytest

from pdgrad_core.alignment import points_from_mesh
from pdgrad_core.errors import InvalidInputError


def test_five_points_of_a_mesh():
    mesh = np.full((478, 2), 1000.0)
    # Corners and lids of the person's right eye, which is the picture's left one, and so on.
    mesh[[33, 133]] = [[10, 20], [30, 20]]
    mesh[[159, 145]] = [[20, 16], [20, 24]]
    mesh[[263, 362]] = [[80, 20], [60, 20]]
    mesh[[386, 374]] = [[70, 17], [70, 23]]
    mesh[1], mesh[61], mesh[291] = [45, 40], [30, 60], [60, 61]
    assert points_from_mesh(mesh).tolist() == [[20, 20], [70, 20], [45, 40], [30, 60], [60, 61]]


def test_other_meshes_are_refused():
    with pytest.raises(InvalidInputError, match=r"468 points x,y or more, not \(68, 2\)"):
        points_from_mesh(np.zeros((68, 2)))

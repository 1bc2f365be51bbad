import numpy as np
import pytest

from pdgrad_core.alignment import Face, choose_faces, left_to_right
from pdgrad_core.errors import InvalidInputError, NoFaceError


def face(left, side):
    return Face((left, 0.0, left + side, side), 1.0, np.zeros((5, 2)))


MIDDLE, RIGHT, LEFT = face(100, 30), face(200, 50), face(0, 10)
FACES = [MIDDLE, RIGHT, LEFT]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("largest", [RIGHT]),
        ("all", [RIGHT, MIDDLE, LEFT]),
        ("left-to-right", [LEFT, MIDDLE, RIGHT]),
        (0, [LEFT]),
        ("2", [RIGHT]),
        ("2,0", [RIGHT, LEFT]),
        ([1], [MIDDLE]),
    ],
)
def test_choices(which, expected):
    assert choose_faces(FACES, which) == expected


def test_numbering():
    assert left_to_right(FACES) == [LEFT, MIDDLE, RIGHT]


def test_impossible_choices():
    with pytest.raises(
        InvalidInputError, match="no face 3: this photo has 3, numbered from 0 to 2"
    ):
        choose_faces(FACES, 3)
    with pytest.raises(InvalidInputError, match="no face -1"):
        choose_faces(FACES, -1)
    with pytest.raises(InvalidInputError, match="not by 'smallest'"):
        choose_faces(FACES, "smallest")
    with pytest.raises(InvalidInputError, match="chosen by largest"):
        choose_faces(FACES, [])
    with pytest.raises(NoFaceError, match="give its landmarks by hand"):
        choose_faces([], "all")

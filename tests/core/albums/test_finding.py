"""Faces of old photos: on their sides, small, cut by a part's edge, given by hand, each once."""

import numpy as np
import pytest
import torch
from drawn_album import drawn

from pdgrad_core.albums.boxes import read_boxes
from pdgrad_core.albums.choices import AlbumChoices
from pdgrad_core.albums.finding import TILE_PX, find_faces, merged, turned_back
from pdgrad_core.alignment import Face
from pdgrad_core.errors import InvalidInputError


def face(left, top, side, score=0.99):
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    return Face((left, top, left + side, top + side), score, points * side + [left, top])


class Spots:
    """Finds the marked squares that it is shown, and notes what it was shown."""

    def __init__(self, least=0):
        self.shown, self.least = [], least

    def __call__(self, photo, threshold=None):
        self.shown.append(tuple(photo.shape[-2:]))
        rows, columns = torch.nonzero(photo[0, 0] == 1, as_tuple=True)
        if not len(rows) or (min(photo.shape[-2:]) > TILE_PX >= 0 and self.least):
            return []
        side = float(columns.max() - columns.min() + 1)
        return [face(float(columns.min()), float(rows.min()), side)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_points_of_a_turned_photo_come_back(turns):
    photo = torch.zeros(1, 3, 40, 60)
    photo[..., 7, 21] = 1
    row, column = torch.nonzero(torch.rot90(photo, turns, (-2, -1))[0, 0])[0].tolist()
    point = Face((column, row, column + 2.0, row + 2.0), 1.0, np.array([[column, row]] * 5))
    back = turned_back(point, turns, 60, 40)
    assert back.landmarks[0].tolist() == [21, 7]
    assert back.area == 4


def test_a_scan_on_its_side_shows_the_same_faces(detector):
    photo = drawn([3_000_001, 3_000_002])
    upright = find_faces(photo, detector, AlbumChoices())
    assert len(upright) == 2
    for turns in (1, 3):
        turned = torch.rot90(photo, turns, (-2, -1))
        found = find_faces(turned, detector, AlbumChoices())
        assert len(found) == 2
        height, width = photo.shape[-2:]
        again = sorted(
            (turned_back(one, turns, width, height) for one in found),
            key=lambda one: one.box[0],
        )
        for one, other in zip(again, upright, strict=True):
            assert np.abs(one.landmarks - other.landmarks).max() < 0.02 * width


def test_a_large_photo_is_looked_at_in_parts_that_overlap():
    photo = torch.zeros(1, 3, 1500, 2000)
    photo[..., 900:960, 930:990] = 1  # would be cut by the edges of parts without an overlap
    spots = Spots(least=1)
    (found,) = find_faces(photo, spots, AlbumChoices(turns=False))
    assert found.box == (930, 900, 990, 960)
    assert spots.shown[0] == (1500, 2000)
    assert set(spots.shown[1:]) == {(TILE_PX, TILE_PX)}
    spots = Spots(least=1)
    assert find_faces(photo, spots, AlbumChoices(tiles=False, turns=False)) == []
    assert spots.shown == [(1500, 2000)]


def test_a_face_that_a_part_cuts_is_taken_from_its_neighbour():
    photo = torch.zeros(1, 3, 1000, 1900)
    photo[..., 300:360, 920:980] = 1  # the first part ends at 960
    spots = Spots(least=1)
    (found,) = find_faces(photo, spots, AlbumChoices())
    assert found.box == (920, 300, 980, 360)


def test_what_two_passes_find_is_one_face_and_neighbours_are_two():
    sure, again, inside = face(10, 10, 50, 0.99), face(14, 12, 50, 0.95), face(20, 20, 25, 0.9)
    beside = face(58, 10, 50, 0.9)
    assert merged([again, inside, sure, beside]) == [sure, beside]


def test_small_faces_are_left_out():
    photo = torch.zeros(1, 3, 100, 100)
    photo[..., 10:30, 10:30] = 1
    assert find_faces(photo, Spots(), AlbumChoices(smallest_px=21, turns=False)) == []
    assert len(find_faces(photo, Spots(), AlbumChoices(smallest_px=20))) == 1


def test_boxes_and_landmarks_by_hand_come_first(detector):
    photo = drawn([3_000_001, 3_000_002])
    left, _ = find_faces(photo, detector, AlbumChoices())
    x0, y0, x1, y1 = left.box
    box = f"{x0:.0f} {y0:.0f} {x1 - x0:.0f} {y1 - y0:.0f}"
    both = find_faces(photo, detector, AlbumChoices(), [box])
    assert len(both) == 2
    assert np.abs(both[0].landmarks - left.landmarks).max() < 3
    # Where nothing is found the box is filled by an upright face.
    wall = torch.zeros(1, 3, 200, 200)
    (filled,) = find_faces(wall, detector, AlbumChoices(), ["40 60 64 84"])
    eyes = filled.landmarks[:2]
    assert filled.box == (40, 60, 104, 144)
    assert 40 < eyes[0, 0] < 72 < eyes[1, 0] < 104
    assert eyes[:, 1].tolist() == pytest.approx([92, 92], abs=2)
    with pytest.raises(InvalidInputError, match="none of at least 8 pixels"):
        find_faces(wall, detector, AlbumChoices(), ["300 0 50 50"])


def test_a_file_of_boxes_is_checked(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("# mine\n1950/a b.png: 1 2 30 40\n\n1950\\a b.png: 1,2 3,4 5,6 7,8 9,10\n")
    assert read_boxes(path, ["1950/a b.png"]) == {
        "1950/a b.png": ["1 2 30 40", "1,2 3,4 5,6 7,8 9,10"]
    }
    path.write_text("other.png: 1 2 3 4\n")
    with pytest.raises(InvalidInputError, match="no photo of the album"):
        read_boxes(path, ["a.png"])
    path.write_text("a.png 1 2 3 4\n")
    with pytest.raises(InvalidInputError, match="Line 1 of"):
        read_boxes(path, ["a.png"])

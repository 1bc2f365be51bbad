"""Faces by portions, their seeds, and what becomes of photos without a face."""

import numpy as np
import pytest
import torch

from pdgrad_core.alignment import AlignedFace, Face
from pdgrad_core.errors import InvalidInputError, NoFaceError
from pdgrad_core.photos import FaceFinder
from pdgrad_core.sequences import (
    BYTES_PER_PIXEL,
    MAX_FACES,
    PhotoFaces,
    faces_at_once,
    found_anywhere,
    in_portions,
    join_traces,
    photo_seed,
    portions,
    what_was_found,
)


def crop(value):
    return AlignedFace(torch.full((1, 3, 2, 2), value), np.eye(2, 3), np.zeros((5, 2)))


def photo(number, faces, masked=False):
    masks = torch.full((faces, 1, 2, 2), float(number)) if masked else None
    crops = [crop(number + index / 10) for index in range(faces)]
    return PhotoFaces(number, torch.zeros(1, 3, 4, 4), crops, 100 + number, masks)


@pytest.mark.parametrize("counts", [[1, 2, 3, 1], [5], [1] * 7, [3, 3]])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_every_face_comes_back_to_its_photo(counts, limit):
    asked = []

    def restore(portion):
        asked.append(portion)
        return 2 * portion.crops

    photos = (photo(number, faces, masked=True) for number, faces in enumerate(counts))
    done = list(in_portions(photos, limit, restore))
    assert [one.number for one, _ in done] == list(range(len(counts)))
    for one, results in done:
        assert torch.equal(results, torch.cat([2 * face.crop for face in one.faces]))
    assert len(asked) == portions(counts, limit) == -(-sum(counts) // limit)
    assert all(len(portion.crops) == limit for portion in asked[:-1])
    seeds = [seed for portion in asked for seed in portion.seeds]
    assert seeds == [100 + number for number, faces in enumerate(counts) for _ in range(faces)]
    holes = torch.cat([portion.masks for portion in asked])
    assert holes[:, 0, 0, 0].tolist() == [seed - 100 for seed in seeds]


def test_no_more_photos_are_held_than_a_portion_has_faces():
    taken = []

    def photos():
        for number in range(9):
            taken.append(number)
            yield photo(number, 1)

    for one, _ in in_portions(photos(), 3, lambda portion: portion.crops):
        assert len(taken) - one.number <= 3
    with pytest.raises(InvalidInputError, match="not 0"):
        next(in_portions([photo(0, 1)], 0, lambda portion: portion.crops))


def test_all_faces_of_a_photo_share_a_seed_and_photos_may():
    assert [photo_seed(7, number) for number in range(3)] == [7, 8, 9]
    assert [photo_seed(7, number, "same for all") for number in range(3)] == [7, 7, 7]
    with pytest.raises(InvalidInputError, match="per photo, same for all"):
        photo_seed(7, 0, "other")


def test_a_face_keeps_its_noise_when_boxes_move_by_a_hair():
    """Two faces of almost one size: which is the larger changes the order, and no seed."""
    points = np.array([[20, 24], [40, 24], [30, 34], [22, 42], [38, 42]], dtype=float)
    picture = torch.zeros(1, 3, 64, 128)

    def seeds(wider):
        sides = (30.0, 30.03) if wider else (30.03, 30.0)
        faces = [
            Face((left, 10.0, left + side, 40.0), 1.0, points + np.array([left, 0.0]))
            for left, side in zip((0.0, 64.0), sides, strict=True)
        ]
        found = FaceFinder(16, which="all").cut(picture, faces)
        given = []

        def restore(portion):
            given.extend(zip(found, portion.seeds, strict=True))
            return portion.crops

        list(in_portions([PhotoFaces(0, picture, found, photo_seed(5, 0))], 8, restore))
        return [(float(face.matrix[0, 2]), seed) for face, seed in given]

    one, other = seeds(wider=False), seeds(wider=True)
    assert [place for place, _ in one] == [place for place, _ in reversed(other)]
    assert sorted(one) == sorted(other)


def test_memory_bounds_the_faces():
    face = BYTES_PER_PIXEL * 512**2
    assert faces_at_once(4 * face, 512) == 3  # a fifth is left free
    assert faces_at_once(1000 * face, 512) == MAX_FACES
    assert faces_at_once(0, 512) == faces_at_once(-5, 512) == 1


def test_a_photo_without_a_face_is_one_among_several_only():
    def find(number, _photo):
        if number % 2:
            raise NoFaceError("Nobody is here.")
        return [crop(0.0)]

    def nobody(_number, _photo):
        raise NoFaceError("Nobody is here.")

    photos = list(torch.zeros(4, 1, 3, 4, 4))
    found = found_anywhere(photos, find)
    assert [len(faces) for faces in found] == [1, 0, 1, 0]
    assert what_was_found([1, 0, 3]) == (
        "3 photos, 4 faces restored; 1 photo without a face passed through unchanged"
    )
    assert what_was_found([1]) == "1 photo, 1 face restored"
    with pytest.raises(NoFaceError, match=r"^Nobody is here"):
        found_anywhere(photos[:1], nobody)
    with pytest.raises(NoFaceError, match="None of the 4 photos has a face: Nobody"):
        found_anywhere(photos, nobody)


def test_traces_of_several_runs_stand_side_by_side():
    runs = [
        [
            {"t": 9.0, "loss": torch.tensor([1.0, 2.0])},
            {"t": 3.0, "loss": torch.tensor([3.0, 4.0])},
        ],
        [{"t": 9.0, "loss": torch.tensor([5.0])}, {"t": 3.0, "loss": torch.tensor([6.0])}],
    ]
    joined = join_traces(runs)
    assert [row["t"] for row in joined] == [9.0, 3.0]
    assert [row["loss"].tolist() for row in joined] == [[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]]

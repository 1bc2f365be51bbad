"""Landmarks as text: faces on lines, photos apart."""

import pytest

from pdgrad_core.alignment import faces_from_text, landmarks_of_photos
from pdgrad_core.errors import InvalidInputError

ONE = "24,30 40,30 32,40 26,46 38,46"
TWO = "44,30 60,30 52,40 46,46 58,46"


@pytest.mark.parametrize(
    ("text", "photos", "expected"),
    [
        (ONE, 1, [ONE]),
        (ONE, 3, [ONE, ONE, ONE]),
        (f"{ONE}\n{TWO}", 2, [f"{ONE}\n{TWO}"] * 2),
        (f"{ONE}\n\n{TWO}\n", 1, [f"{ONE}\n{TWO}"]),
        (f"\n{ONE}\n\n{TWO}\n{ONE}\n", 2, [ONE, f"{TWO}\n{ONE}"]),
        (f"frame 0: {ONE}\nframe 2:\n{TWO}\n{ONE}", 3, [ONE, "", f"{TWO}\n{ONE}"]),
        (f"Frame 1 : {ONE}\n\nframe 0:\n", 2, ["", ONE]),
    ],
)
def test_landmarks_are_divided_among_photos(text, photos, expected):
    assert landmarks_of_photos(text, photos) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ONE}\n\n{TWO}\n\n{ONE}", "for 3 photos, set apart by empty lines, but 2 photos"),
        (f"frame 2: {ONE}", "frame 2, but the 2 photos count from 0 to 1"),
        (f"frame 0: {ONE}\nframe 0: {TWO}", "name frame 0 twice"),
        (f"{ONE}\nframe 0: {TWO}", "stand before the first"),
    ],
)
def test_landmarks_that_do_not_fit_are_refused(text, said):
    with pytest.raises(InvalidInputError, match=said):
        landmarks_of_photos(text, 2)


def test_faces_stand_on_lines_and_one_face_may_take_several():
    assert len(faces_from_text(f"{ONE}\n{TWO}", 64, 96)) == 2
    (face,) = faces_from_text(ONE.replace(" ", "\n"), 64, 96)
    assert face.landmarks.tolist()[0] == [24, 30]
    assert faces_from_text("", 64, 96) == []

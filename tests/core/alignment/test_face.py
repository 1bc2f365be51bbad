import math

import numpy as np
import pytest

from pdgrad_core.alignment import face_from_landmarks, parse_landmarks
from pdgrad_core.alignment.face import (
    FFHQ_TEMPLATE,
    invert,
    similarity_from_points,
    template,
    transform,
)
from pdgrad_core.errors import InvalidInputError

TEXT = "193,240 319,240 257,314 201,371 313,371"


def similarity(scale, degrees, shift):
    a = math.radians(degrees)
    turn = scale * np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return np.hstack([turn, np.array(shift, dtype=float)[:, None]])


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"),
    [(1.0, 0.0, (0, 0)), (0.2, 33.0, (1000, -50)), (7.5, -170.0, (-3, 8)), (1e-3, 90.0, (1, 2))],
)
@pytest.mark.parametrize("count", [5, 3])
def test_a_known_similarity_is_recovered(scale, degrees, shift, count):
    matrix = similarity(scale, degrees, shift)
    points = template(count)
    found = similarity_from_points(points, transform(matrix, points))
    assert np.allclose(found, matrix, rtol=1e-10, atol=1e-9)
    assert np.allclose(transform(invert(matrix), transform(matrix, points)), points)


def test_least_squares_by_hand():
    # Two points fit exactly; a third, off the line, only shifts the fit by a third of its error.
    source = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    target = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    assert np.allclose(similarity_from_points(source, target), [[2, 0, 0], [0, 2, 1]])


def test_template_in_other_sizes_is_the_crop_resized():
    assert np.array_equal(template(5), FFHQ_TEMPLATE)
    assert np.allclose(template(5, 256), (FFHQ_TEMPLATE + 0.5) / 2 - 0.5)
    assert np.allclose(template(3)[2], FFHQ_TEMPLATE[3:].mean(axis=0))


def test_landmarks_are_read_from_text_and_lists():
    expected = [[193, 240], [319, 240], [257, 314], [201, 371], [313, 371]]
    assert parse_landmarks(TEXT).tolist() == expected
    assert parse_landmarks(TEXT.replace(" ", ";\n")).tolist() == expected
    assert parse_landmarks(TEXT.replace(",", ", ")).tolist() == expected
    assert parse_landmarks(expected).tolist() == expected
    assert parse_landmarks("1,2 3.5,4 5,6").tolist() == [[1, 2], [3.5, 4], [5, 6]]


@pytest.mark.parametrize(
    "text",
    ["", "1,2 3,4", "1 2 3 4 5", "1,2 3,4 5,x", "1,2,3 4,5,6 7,8,9", "1,2 3,nan 5,6", [1, 2]],
)
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidInputError):
        parse_landmarks(text)


def test_a_face_by_hand_gets_a_box_around_its_points():
    face = face_from_landmarks(TEXT, 512, 512)
    left, top, right, bottom = face.box
    assert (face.landmarks.min(axis=0) > (left, top)).all()
    assert (face.landmarks.max(axis=0) < (right, bottom)).all()
    assert face.score == 1.0
    assert face.area == pytest.approx(256 * 336, rel=0.02)


def test_points_far_outside_the_photo_are_refused():
    # This face is 256 px wide, so a point may lie 64 px outside; the right eye is at 319.
    with pytest.raises(InvalidInputError, match="which is 250x512 pixels; up to 64 pixels outside"):
        face_from_landmarks(TEXT, 512, 250)
    shifted = parse_landmarks(TEXT) - np.array([262.0, 0.0])
    with pytest.raises(InvalidInputError, match="within the photo"):
        face_from_landmarks(shifted, 512, 512)


@pytest.mark.parametrize(("dx", "dy"), [(-230, 0), (230, 0), (0, -280), (0, 160)])
def test_an_eye_or_a_mouth_a_little_outside_is_accepted(dx, dy):
    points = parse_landmarks(TEXT) + np.array([dx, dy])
    assert (points < 0).any() or (points > 511).any()
    np.testing.assert_array_equal(face_from_landmarks(points, 512, 512).landmarks, points)


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4], [0, 1, 2, 4, 3], [1, 0, 2, 4, 3]])
def test_points_in_another_order_are_refused(order):
    points = parse_landmarks(TEXT)[order]
    with pytest.raises(InvalidInputError, match="the order is left eye, right eye"):
        face_from_landmarks(points, 512, 512)


def test_tilted_faces_and_profiles_are_accepted():
    middle = np.array([256.0, 256.0])
    for degrees in (45, 90, 180):
        turned = transform(similarity(0.5, degrees, (0, 0)), FFHQ_TEMPLATE - middle) + middle
        face_from_landmarks(turned, 512, 512)
    profile = FFHQ_TEMPLATE.copy()
    profile[:, 0] = 256 + 0.2 * (profile[:, 0] - 256) + np.array([0, 0, 60, 8, 8])
    face_from_landmarks(profile, 512, 512)


def test_coinciding_points_are_refused():
    with pytest.raises(InvalidInputError, match="one point"):
        face_from_landmarks("9,9 9,9 9,9", 64, 64)


@pytest.mark.parametrize(
    "text",
    [
        "10,10 20,20 30,30 40,40 50,50",
        "10,50 50,50 30,50 15,50 45,50",
        "50,10 50,12 50,30 50,50 50,52",
        "10,50 50,51 30,50 15,50 45,50",
        "10,30 50,30 30,30",
    ],
)
def test_points_on_a_line_are_refused(text):
    with pytest.raises(InvalidInputError, match="lie on a line"):
        face_from_landmarks(text, 64, 64)

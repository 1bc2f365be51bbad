"""With the embedded networks: drawn people are recognised, strangers not, photos checked."""

import pytest
import torch

from pdgrad_core.alignment import align_face, face_from_landmarks, take_as_aligned
from pdgrad_core.embedded import demo_weights
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import neutral_views, sample_views
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.images import resize
from pdgrad_core.people import (
    Recognizer,
    ReferencePhoto,
    Similarities,
    match_faces,
    person_from,
    portraits_of,
    pose_of,
    sharpness_of,
)


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(load_arcface(demo_weights("arcface")))


def drawn(persons, view):
    views = sample_views([person * 1000 + view for person in persons])
    return render(sample_identities(persons), views, 64, parts=False).images


def known(recognizer, persons):
    found = []
    for person in persons:
        photos = [
            ReferencePhoto(f"{person}-{view}.jpg", lambda p=person, v=view: drawn([p], v))
            for view in (0, 1)
        ]
        portraits = portraits_of(photos, lambda _, photo: [take_as_aligned(photo, 64)], recognizer)
        found.append(person_from(str(person), portraits))
    return found


def test_drawn_people_get_their_own_names_and_a_stranger_none(recognizer):
    persons = [3_000_001, 3_000_002, 3_000_003, 3_000_004]
    people = known(recognizer, persons)
    faces = drawn([*reversed(persons[:3]), 3_000_009], 500)
    alike = Similarities.of(recognizer.probe(faces), [None] * 4, people)
    threshold = recognizer.rates.threshold(0.05, len(people))
    found = [match.name for match in match_faces(alike, people, threshold)]
    assert found == ["3000003", "3000002", "3000001", ""]


def test_the_face_is_embedded_alike_alone_and_among_others(recognizer):
    faces = drawn([5, 6, 7], 1)
    together = recognizer.embed(faces)
    alone = recognizer.embed(faces[1:2])
    assert together.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    torch.testing.assert_close(together[1:2], alone, atol=1e-4, rtol=0)


def test_the_networks_own_crop_is_left_alone(recognizer):
    arcface = load_arcface(demo_weights("arcface"))
    arcface.template_crop = True
    assert not Recognizer(arcface).arcface.template_crop
    assert arcface.template_crop


def test_references_that_do_not_fit_are_all_named(recognizer):
    face = take_as_aligned(torch.zeros(1, 3, 64, 64), 64)

    def find(_, photo):
        return [face] * int(photo.mean().round())

    photos = [
        ReferencePhoto(name, lambda n=count: torch.full((1, 3, 64, 64), float(n)))
        for name, count in (("good.jpg", 1), ("party.jpg", 3), ("tree.jpg", 0))
    ]
    with pytest.raises(InvalidInputError) as error:
        portraits_of(photos, find, recognizer)
    assert "party.jpg (3 faces), tree.jpg (no face)" in str(error.value)
    assert "good.jpg" not in str(error.value)


def test_the_pose_follows_the_nose_as_drawn():
    views = neutral_views(3)
    views.yaw[:] = torch.tensor([-0.4, 0.0, 0.4])
    picture = render(sample_identities([1, 1, 1]), views, 128, parts=False)
    poses = []
    for image, points in zip(picture.images, picture.landmarks, strict=True):
        face = face_from_landmarks(points.double().numpy() - 0.5, 128, 128)
        poses.append(pose_of(align_face(image[None], face, 64)))
    left, front, right = (pose[0] for pose in poses)
    # Yaw is positive to the picture's right; one person's face is not quite symmetric.
    assert left < front - 0.1 < front < right - 0.1
    assert abs(front) < 0.1
    assert pose_of(take_as_aligned(picture.images[:1], 64)) is None


def test_a_blurred_face_is_less_sharp_and_a_plain_one_not_at_all():
    face = drawn([4], 2)
    blurred = resize(resize(face, 16, 16), 64, 64)
    assert sharpness_of(face) > 2 * sharpness_of(blurred) > 0
    assert sharpness_of(torch.zeros(1, 3, 64, 64)) == 0
    # Light and contrast are not sharpness.
    assert sharpness_of(face * 0.5 + 0.2) == pytest.approx(sharpness_of(face), rel=1e-3)

"""What a pasted face must not show, on drawn people."""

from itertools import permutations

import numpy as np
import pytest
import torch
from waves import wave_photo

from pdgrad_core.alignment import (
    PasteSettings,
    align_face,
    face_from_landmarks,
    paste_back,
    paste_faces,
)
from pdgrad_core.alignment.face import template
from pdgrad_core.alignment.outline import face_oval, head_outline
from pdgrad_core.benchmarks.pasting_scenes import CHANGES, restored, scenes

SCENES = scenes(0)


def faces_at(photo, columns, size_px=64):
    """Faces whose crops are 120 px wide, from the given columns on."""
    height, width = photo.shape[-2:]
    points = [template(5, 120) + np.array([x, 60]) for x in columns]
    return [align_face(photo, face_from_landmarks(p, height, width), size_px) for p in points]


@pytest.mark.parametrize("settings", [PasteSettings(), PasteSettings("crop")], ids=["face", "crop"])
def test_the_order_of_faces_does_not_matter(settings):
    photo = wave_photo(240, 320)
    faces = faces_at(photo, (30, 80, 130))
    results = [torch.full((1, 3, 64, 64), value) for value in (-1.0, 1.0, 0.2)]
    first = paste_back(photo, faces, results, settings)
    for order in list(permutations(range(3)))[1:]:
        again = paste_back(photo, [faces[i] for i in order], [results[i] for i in order], settings)
        assert torch.equal(again, first)


def test_the_same_face_twice_is_the_same_whatever_the_order():
    photo = wave_photo(240, 320)
    face = faces_at(photo, (65,))[0]
    results = [torch.full((1, 3, 64, 64), value) for value in (-1.0, 1.0)]
    one = paste_back(photo, [face, face], results)
    assert torch.equal(one, paste_back(photo, [face, face], results[::-1]))


def test_cheek_to_cheek_there_is_neither_gap_nor_seam():
    photo = torch.zeros(1, 3, 240, 320)
    faces = faces_at(photo, (65, 120))
    results = [torch.ones(1, 3, 64, 64)] * 2
    plain = PasteSettings("face", False, False, False)
    pasted = paste_faces(photo, faces, results, plain)
    # Along the line from the middle of one face to the other, everything is covered.
    row = pasted.image[0, 0, 120, 125:180]
    assert row.min() > 0.99
    alone = [
        paste_faces(photo, [f], [r], plain).weight for f, r in zip(faces, results, strict=True)
    ]
    assert (pasted.weight >= torch.maximum(*alone) - 1e-6).all()


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("change", CHANGES)
def test_outside_the_outline_nothing_changes(name, change):
    scene = SCENES[name]
    faces, results = restored(scene, CHANGES[change], 64)
    pasted = paste_faces(scene.photo, faces, results)
    kept = (pasted.weight == 0).expand(-1, 3, -1, -1)
    assert 0.3 < kept.float().mean() < 0.95
    assert torch.equal(pasted.image[kept], scene.photo[kept])
    assert pasted.image.abs().max() <= 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_the_photos_own_numbers_are_kept_in_every_dtype(dtype):
    photo = wave_photo(240, 320).double()
    photo = (photo + 1e-12 * torch.arange(320)).to(dtype)
    face = face_from_landmarks(template(5, 128) + np.array([90.0, 60.0]), 240, 320)
    aligned = align_face(photo, face, 64)
    pasted = paste_faces(photo, [aligned], [aligned.crop.float() * 0.9])
    assert pasted.image.dtype == dtype
    kept = (pasted.weight == 0).expand(-1, 3, -1, -1)
    assert torch.equal(pasted.image[kept], photo[kept])


def test_sixteen_bits_survive():
    steps = torch.linspace(-0.2, 0.2, 65536 // 8)[: 240 * 34].view(1, 1, 240, 34)
    photo = steps.repeat(1, 3, 1, 10)
    face = face_from_landmarks(template(5, 128) + np.array([90.0, 60.0]), 240, 340)
    aligned = align_face(photo, face, 128)
    pasted = paste_back(photo, [aligned], [aligned.crop])
    # An unchanged crop as fine as the photo comes back far finer than a step of 8 bits.
    assert (pasted - photo).abs().max() < 0.2 / 127.5


def test_no_box_shows_around_a_head_before_a_new_backdrop():
    scene = SCENES["a group"]
    faces, results = restored(scene, CHANGES["another backdrop"], 128)
    pasted = paste_faces(scene.photo, faces, results)
    for face in faces:
        corners = np.array([[4, 4], [123, 4]]) - face.matrix[:, 2]
        inverse = np.linalg.inv(face.matrix[:, :2])
        for x, y in (corners @ inverse.T).round().astype(int):
            assert pasted.weight[0, 0, y, x] == 0


def test_a_face_with_an_eye_outside_is_pasted_up_to_the_border():
    scene = SCENES["cut by the border"]
    faces, results = restored(scene, CHANGES["denoised"], 64)
    pasted = paste_faces(scene.photo, faces[:1], [torch.full_like(results[0], 0.3)])
    row = int(scene.faces[0][:2, 1].mean())
    assert scene.faces[0][0, 0] < 0
    assert pasted.weight[0, 0, row, 0] > 0.99


def test_the_oval_reaches_from_the_hairline_to_the_chin():
    depth = face_oval(template(5, 512), 512, 512)[0, 0]
    assert depth.max() > 0.98
    for x, y in ((256, 130), (256, 440), (140, 300), (372, 300)):
        assert depth[y, x] > 0
    for x, y in ((256, 60), (256, 500), (80, 300), (440, 300)):
        assert depth[y, x] < 0
    tilted = template(5, 512)[:, ::-1].copy()  # eyes above one another: lying on the side
    assert face_oval(tilted, 512, 512)[0, 0, 256, 130] > 0


def test_three_landmarks_make_the_same_oval_as_five():
    five, three = (face_oval(template(count, 128), 128, 128) for count in (5, 3))
    assert (five - three).abs().max() < 0.03


def test_the_outline_grows_by_changed_hair_and_not_by_a_new_wall():
    size = 128
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    wall = torch.full((1, 3, size, size), 0.2)
    lock = torch.from_numpy((x > 11) & (x < 33) & (y > 50) & (y < 90))  # from the oval outwards
    landmarks = template(5, size)
    oval = head_outline(wall, wall, landmarks, 0.1)
    assert oval[0, 0, 70, 64] == 1
    assert oval[0, 0, 70, 15] < 0.05
    with_hair = wall.clone()
    with_hair[..., lock] = -0.8
    assert head_outline(wall, with_hair, landmarks, 0.1)[0, 0, 70, 15] > 0.99
    other_wall = wall + 0.3 * torch.from_numpy(x / size).float()
    assert torch.allclose(head_outline(wall, other_wall, landmarks, 0.1), oval, atol=1e-3)


def test_a_collar_painted_before_the_backdrop_stays_out_and_long_hair_does_not():
    size = 128
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    wall = torch.full((1, 3, size, size), 0.2)
    bar = torch.from_numpy((x > 11) & (x < 60) & (y > 100) & (y < 112))  # below the mouth, 93
    landmarks = template(5, size)
    collar = wall.clone()
    collar[..., bar] = -0.9
    assert head_outline(wall, collar, landmarks, 0.1)[0, 0, 106, 20] < 0.01
    # What is there in the photo is restored: long hair, which gets another colour.
    hair, restored_hair = collar, collar.clone()
    restored_hair[..., bar] = -0.4
    assert head_outline(hair, restored_hair, landmarks, 0.1)[0, 0, 106, 28] > 0.9


def test_a_hard_edge_is_hard():
    scene = SCENES["a group"]
    faces, results = restored(scene, CHANGES["denoised"], 128)
    pasted = paste_faces(scene.photo, faces, results, PasteSettings("crop", feather_fraction=0.0))
    assert set(pasted.weight.unique().tolist()) == {0.0, 1.0}

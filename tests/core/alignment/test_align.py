import math

import numpy as np
import pytest
import torch
from waves import wave_photo, wave_values

from pdgrad_core.alignment import Face, align_face, take_as_aligned
from pdgrad_core.alignment.face import FFHQ_TEMPLATE, invert, template, transform
from pdgrad_core.alignment.warp import GREY
from pdgrad_core.errors import InvalidInputError


def face_at(centre, scale, degrees=0.0, count=5):
    """A face whose template is scaled (1 = 512 px), turned and put at a place of the photo."""
    a = math.radians(degrees)
    turn = scale * np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    points = (template(count) - 255.5) @ turn.T + np.array(centre)
    return Face((0.0, 0.0, 1.0, 1.0), 1.0, points)


@pytest.mark.parametrize(
    ("size", "centre", "scale", "degrees", "crop_px"),
    [
        ((300, 280), (140, 150), 0.4, 20.0, 512),
        ((700, 900), (450, 350), 1.2, -35.0, 512),
        ((700, 900), (450, 350), 1.2, -35.0, 128),
        ((1000, 1000), (500, 500), 1.5, 100.0, 256),
    ],
    ids=["small face", "large face", "shrunk by 5", "lying"],
)
def test_crop_shows_the_photo_at_the_right_place(size, centre, scale, degrees, crop_px):
    photo = wave_photo(*size, period_px=160.0)
    face = face_at(centre, scale, degrees)
    aligned = align_face(photo, face, crop_px)
    assert np.allclose(aligned.landmarks, template(5, crop_px), atol=1e-6)
    assert np.allclose(transform(aligned.matrix, face.landmarks), aligned.landmarks)
    y, x = np.mgrid[0:crop_px, 0:crop_px].astype(np.float64)
    back = transform(invert(aligned.matrix), np.stack([x, y], -1).reshape(-1, 2)).reshape(
        crop_px, crop_px, 2
    )
    inside = ((back > 2) & (back < np.array([size[1], size[0]]) - 3)).all(-1)
    expected = wave_values(back[..., 0], back[..., 1], 160.0)
    assert inside.mean() > 0.6
    error = np.abs(aligned.crop[0].numpy() - expected)[:, inside]
    assert error.max() < 0.02


def test_identity_alignment_is_exact():
    photo = wave_photo(512, 512)
    aligned = align_face(photo, Face((0, 0, 1, 1), 1.0, FFHQ_TEMPLATE))
    assert torch.allclose(aligned.crop, photo, atol=1e-5)
    assert aligned.scale == pytest.approx(1.0)


def test_a_large_face_is_shrunk_with_antialiasing():
    y, x = torch.meshgrid(torch.arange(800), torch.arange(800), indexing="ij")
    checkers = ((x + y) % 2 * 2.0 - 1).expand(1, 3, 800, 800)
    aligned = align_face(checkers, face_at((400, 400), 1.5, 10.0), 128)
    assert aligned.crop.abs().max() < 0.05


def test_eyes_and_mouth_suffice():
    photo = wave_photo(300, 300)
    five = align_face(photo, face_at((150, 150), 0.5, 12.0), 64)
    three = align_face(photo, face_at((150, 150), 0.5, 12.0, count=3), 64)
    assert torch.allclose(five.crop, three.crop, atol=1e-4)


def test_borders():
    photo = wave_photo(64, 64, period_px=64.0)
    face = face_at((0, 32), 0.125)
    mirrored = align_face(photo, face, 64).crop
    assert torch.allclose(mirrored[..., :31], mirrored[..., 32:63].flip(-1), atol=1e-3)
    grey = align_face(photo, face, 64, border="constant").crop
    assert torch.allclose(grey[0, :, 20, 5], torch.tensor(GREY), atol=1e-6)
    assert torch.allclose(grey[..., 8:56, 40:], mirrored[..., 8:56, 40:], atol=1e-6)


def test_far_outside_is_mirrored_too():
    photo = wave_photo(100, 100, period_px=100.0)
    crop = align_face(photo, face_at((49.5, 49.5), 1.0), 512).crop
    # The photo lies at 206..305 of the crop; beyond, it goes back and forth.
    assert torch.allclose(crop[..., 206:306, 206:306], photo, atol=1e-3)
    assert torch.allclose(crop[..., 206:306, 106:206], photo.flip(-1), atol=1e-3)
    assert torch.allclose(crop[..., 206:306, 6:106], photo, atol=1e-3)


def test_dtype_is_kept_and_no_gradient():
    photo = wave_photo(64, 64).double().requires_grad_()
    crop = align_face(photo, face_at((32, 32), 0.1), 32).crop
    assert crop.dtype == torch.float64
    assert not crop.requires_grad


def test_taking_as_aligned():
    photo = wave_photo(512, 512)
    aligned = take_as_aligned(photo)
    assert torch.equal(aligned.crop, photo)
    assert aligned.whole
    small = take_as_aligned(photo, 128)
    assert small.crop.shape[-2:] == (128, 128)
    assert np.allclose(transform(small.matrix, FFHQ_TEMPLATE), small.landmarks)


def test_what_cannot_be_aligned_says_so():
    photo = wave_photo(64, 48)
    face = face_at((32, 32), 0.1)
    with pytest.raises(InvalidInputError, match="square, but this picture is 48x64"):
        take_as_aligned(photo)
    with pytest.raises(InvalidInputError, match="size_px must be a number from 16 to 4096 px"):
        align_face(photo, face, 8)
    with pytest.raises(InvalidInputError, match="border must be one of reflect, constant"):
        align_face(photo, face, 64, border="wrap")
    with pytest.raises(InvalidInputError, match="batch of 2"):
        align_face(photo.repeat(2, 1, 1, 1), face)

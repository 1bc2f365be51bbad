from dataclasses import replace

import numpy as np
import pytest
import torch
from waves import wave_photo

from pdgrad_core.alignment import (
    Face,
    PasteSettings,
    align_face,
    paste_back,
    take_as_aligned,
)
from pdgrad_core.alignment.face import template
from pdgrad_core.errors import InvalidInputError

PLAIN = PasteSettings("crop", match_colors=False, match_grain=False, multiband=False)
"""The crop as it is, with a soft edge: what can be told by hand."""


def face_at(centre, scale, degrees=0.0):
    a = np.radians(degrees)
    turn = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    points = (template(5) - 255.5) @ turn.T + np.array(centre)
    return Face((0.0, 0.0, 1.0, 1.0), 1.0, points)


def outside(aligned, height, width, scale=1.0):
    """True where a pixel of the output lies outside the crop."""
    y, x = np.mgrid[0 : round(height * scale), 0 : round(width * scale)].astype(np.float64)
    photo = (np.stack([x, y], -1) + 0.5) / scale - 0.5
    crop = photo @ aligned.matrix[:, :2].T + aligned.matrix[:, 2]
    return torch.from_numpy(((crop < -0.5) | (crop > aligned.size_px - 0.5)).any(-1))


CASES = {
    "small face": ((200, 180), (90, 100), 0.25, 20.0, 128),
    "crop as fine as the photo": ((300, 300), (150, 150), 0.5, 0.0, 256),
    "face larger than the crop": ((400, 500), (260, 210), 0.6, -30.0, 200),
    "upside down": ((200, 180), (90, 100), 0.25, 180.0, 128),
    "beyond the edge": ((160, 160), (20, 140), 0.3, 45.0, 128),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_round_trip_of_an_unchanged_crop(case):
    (height, width), centre, scale, degrees, crop_px = case
    photo = wave_photo(height, width)
    aligned = align_face(photo, face_at(centre, scale, degrees), crop_px)
    back = paste_back(photo, [aligned], [aligned.crop])
    untouched = outside(aligned, height, width)
    assert 0.05 < untouched.float().mean() < 0.95
    assert torch.equal(back[..., untouched], photo[..., untouched])
    assert (back - photo).abs().max() < 0.03


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_brighter_crop_leaves_no_seam(case):
    (height, width), centre, scale, degrees, crop_px = case
    photo = wave_photo(height, width)
    aligned = align_face(photo, face_at(centre, scale, degrees), crop_px)
    back = paste_back(photo, [aligned], [(aligned.crop * 0 + 1)], PLAIN)
    difference = (back - photo) / (1 - photo)
    # The weight rises by at most 1.5 over the feather's width, and a little along diagonals.
    steepest = 1.6 / (0.1 * crop_px / aligned.scale)
    assert difference.diff(dim=-1).abs().max() < steepest
    assert difference.diff(dim=-2).abs().max() < steepest
    assert difference.max() == pytest.approx(1.0, abs=1e-4)


def test_inside_the_feather_the_result_alone_counts():
    photo = wave_photo(256, 256)
    aligned = align_face(photo, face_at((127.5, 127.5), 0.25), 128)
    result = torch.full_like(aligned.crop, 0.7)
    back = paste_back(photo, [aligned], [result], PLAIN)
    assert torch.allclose(back[..., 80:176, 80:176], torch.tensor(0.7), atol=1e-5)
    hard = paste_back(photo, [aligned], [result], replace(PLAIN, feather_fraction=0.0))
    assert torch.allclose(hard[..., 65:191, 65:191], torch.tensor(0.7), atol=1e-5)
    assert torch.equal(hard[..., :64, :], photo[..., :64, :])


def test_several_faces_and_results_of_another_size():
    photo = wave_photo(128, 256)
    faces = [align_face(photo, face_at((x, 64), 0.2), 64) for x in (64, 192)]
    results = [torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 96, 96), -0.5)]
    back = paste_back(photo, faces, results, PLAIN)
    assert back[0, 0, 64, 64].item() == pytest.approx(0.5, abs=1e-5)
    assert back[0, 0, 64, 192].item() == pytest.approx(-0.5, abs=1e-5)
    finer = torch.nn.functional.interpolate(
        faces[1].crop, size=128, mode="bicubic", align_corners=False
    )
    again = paste_back(photo, [faces[1]], [finer])
    assert (again - photo).abs().max() < 0.03


def test_a_neighbours_crop_does_not_cover_a_face():
    photo = wave_photo(160, 200)
    faces = [align_face(photo, face_at((x, 80), 0.25), 64) for x in (74, 126)]
    results = [torch.full((1, 3, 64, 64), value) for value in (0.5, -0.5)]
    back = paste_back(photo, faces, results, PLAIN)
    assert back[0, 0, 80, 74].item() == pytest.approx(0.5, abs=0.01)
    assert back[0, 0, 80, 126].item() == pytest.approx(-0.5, abs=0.01)
    assert back[0, :, 80, 40:160].diff(dim=-1).abs().max() < 0.15
    # The oval's middle lies within a quarter of a pixel of the crop's.
    assert back[0, 0, 80, 100].item() == pytest.approx(0.0, abs=0.15 / 4)
    other_order = paste_back(photo, faces[::-1], results[::-1], PLAIN)
    assert torch.equal(back, other_order)


@pytest.mark.parametrize("scale", [2.0, 1.5])
def test_enlarged_output(scale):
    photo = wave_photo(120, 160)
    aligned = align_face(photo, face_at((80, 60), 0.2, 15.0), 128)
    back = paste_back(photo, [aligned], [aligned.crop], scale=scale)
    assert back.shape[-2:] == (round(120 * scale), round(160 * scale))
    plain = paste_back(photo, [], [], scale=scale)
    untouched = outside(aligned, 120, 160, scale)
    assert torch.equal(back[..., untouched], plain[..., untouched])
    assert (back - plain).abs().max() < 0.03


def test_given_background_sets_the_size():
    photo = wave_photo(60, 80)
    background = torch.zeros(1, 3, 240, 321)
    aligned = align_face(photo, face_at((40, 30), 0.08), 64)
    back = paste_back(
        photo, [aligned], [torch.ones_like(aligned.crop)], PLAIN, background=background
    )
    assert back.shape == background.shape
    assert back[0, 0, 120, 160].item() == pytest.approx(1.0)
    assert back[0, 0, 0, 0].item() == 0.0
    assert background.abs().max() == 0


def test_mask_limits_the_paste():
    photo = wave_photo(128, 128)
    aligned = align_face(photo, face_at((64, 64), 0.2), 64)
    result = torch.ones_like(aligned.crop)
    mask = torch.zeros(1, 1, 128, 128)
    assert torch.equal(paste_back(photo, [aligned], [result], mask=mask), photo)
    mask[..., :64] = 1.0
    half = paste_back(photo, [aligned], [result], PLAIN, mask=mask)
    full = paste_back(photo, [aligned], [result], PLAIN)
    assert torch.equal(half[..., :64], full[..., :64])
    assert torch.equal(half[..., 64:], photo[..., 64:])


def test_parser_limits_the_paste():
    photo = wave_photo(128, 128)
    aligned = align_face(photo, face_at((64, 64), 0.25), 128)
    result = torch.ones_like(aligned.crop)

    def lower_half(crop):
        inside = torch.zeros(1, 1, *crop.shape[-2:])
        inside[..., crop.shape[-2] // 2 :, :] = 1.0
        return inside

    back = paste_back(photo, [aligned], [result], PLAIN, parser=lower_half)
    assert torch.equal(back[..., :60, :], photo[..., :60, :])
    assert back[0, 0, 80, 64].item() == pytest.approx(1.0)


def test_aligned_photos_are_replaced_whole():
    photo = wave_photo(96, 96)
    aligned = take_as_aligned(photo, 96)
    result = torch.rand(1, 3, 96, 96) * 2 - 1
    assert torch.allclose(paste_back(photo, [aligned], [result]), result, atol=1e-6)
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., :10, :] = 1.0
    part = paste_back(photo, [aligned], [result], mask=mask)
    assert torch.equal(part[..., 10:, :], photo[..., 10:, :])
    assert paste_back(photo, [aligned], [result], scale=2.0).shape[-2:] == (192, 192)


def test_photo_is_not_changed_and_nothing_to_paste_is_the_photo():
    photo = wave_photo(64, 80)
    before = photo.clone()
    aligned = align_face(photo, face_at((40, 30), 0.1), 64)
    paste_back(photo, [aligned], [aligned.crop + 0.1])
    assert torch.equal(photo, before)
    assert torch.equal(paste_back(photo, [], []), photo)


def test_what_cannot_be_pasted_says_so():
    photo = wave_photo(64, 64)
    aligned = align_face(photo, face_at((32, 32), 0.1), 64)
    crop = aligned.crop
    for arguments, options, message in (
        (([aligned], []), {}, "Expected 1 results"),
        (([aligned], [crop[..., :32]]), {}, "one square image"),
        (([aligned], [crop]), {"scale": 0.5}, "scale must be a number from 1 to 8"),
        (([aligned], [crop]), {"background": wave_photo(64, 128)}, "shape of the photo"),
        (([aligned], [crop]), {"mask": torch.ones(1, 1, 32, 32)}, r"\(1, 1, 64, 64\)"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            paste_back(photo, *arguments, **options)
    with pytest.raises(InvalidInputError, match="feather_fraction"):
        PasteSettings(feather_fraction=0.9)
    with pytest.raises(InvalidInputError, match="face, crop"):
        PasteSettings(outline="oval")  # pyright: ignore[reportArgumentType]

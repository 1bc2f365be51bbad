"""Pasting in the host: what is kept of a photo, and what the switches change."""

import pytest
import torch


@pytest.fixture
def group(pack):
    """A drawn group of 16-bit numbers with a see-through corner, one of its faces, and a result."""
    photo, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    photo = (photo * 65535).round() / 65535
    alpha = torch.ones(1, *photo.shape[1:3], 1)
    alpha[:, :10, :10] = 0.25
    photo = torch.cat([photo, alpha], dim=-1)
    faces, placement, *_ = pack.run(
        "PDGradAlignFaces", photo=photo, method="landmarks", landmarks=landmarks,
        choose="by number", numbers="1", size_px=64,
    ).args  # fmt: skip
    return photo, (faces * 0.8 + 0.15).clamp(0, 1), placement


def paste(pack, group, **options):
    photo, restored, placement = group
    return pack.run(
        "PDGradPasteFaces", photo=photo, restored=restored, placement=placement, **options
    ).args


def test_outside_the_outline_every_number_and_the_alpha_are_the_photos(pack, group):
    photo = group[0].clone()
    pasted, weight = paste(pack, group)
    assert pasted.shape == photo.shape
    assert torch.equal(pasted[..., 3], photo[..., 3])
    assert torch.equal(pasted[weight == 0], photo[weight == 0])
    assert 0.02 < (weight > 0.99).float().mean() < 0.2


def test_alpha_is_enlarged_with_the_photo_and_comes_from_the_background(pack, group):
    pasted, weight = paste(pack, group, scale=2.0)
    assert pasted.shape[:3] == weight.shape
    assert pasted.shape[-1] == 4
    assert pasted[0, 2, 2, 3] == pytest.approx(0.25)
    background = torch.zeros(1, 2 * group[0].shape[1], 2 * group[0].shape[2], 3)
    assert paste(pack, group, background=background)[0].shape == background.shape


def test_every_switch_changes_the_picture_within_the_outline_only(pack, group):
    photo = group[0].clone()
    default, _ = paste(pack, group)
    for options in ({"match_colors": False}, {"multiband": False}, {"outline": "whole crop"}):
        pasted, weight = paste(pack, group, **options)
        assert not torch.equal(pasted, default), options
        assert torch.equal(pasted[weight == 0], photo[weight == 0])


def test_without_parsenet_a_face_and_its_hair_are_pasted_all_the_same(pack, group):
    _, face = paste(pack, group, outline="face and hair")
    _, crop = paste(pack, group, outline="whole crop")
    assert 0.3 * crop.sum() < face.sum() < 0.9 * crop.sum()


def test_the_second_output_says_where_a_mask_kept_the_photo(pack, group):
    mask = torch.zeros(group[0].shape[:3])
    assert paste(pack, group, mask=mask)[1].max() == 0

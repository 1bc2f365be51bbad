"""A head that the restoration moved: neither its old shadow nor a double outline shows."""

import pytest
import torch

from pdgrad_core.alignment.blend import blend
from pdgrad_core.alignment.seam import alike, kept_at_edges

WALL, HAIR = 0.4, -0.8


def head(edge_px, size_px=128):
    """A picture that is hair up to a column, and wall beyond it."""
    picture = torch.full((1, 3, size_px, size_px), WALL)
    picture[..., :edge_px] = HAIR
    return picture


def test_other_light_is_alike_and_another_thing_is_not():
    levels = torch.tensor([0.0, 10.0, 40.0, 120.0]) / 127.5
    found = [float(alike(torch.full((1, 3, 8, 8), float(level)), 1.0).mean()) for level in levels]
    # 1 / (1 + (d / 40)^2)^2 by hand.
    assert found == pytest.approx([1.0, 0.8858, 0.25, 0.01], abs=1e-4)


def test_old_hair_leaves_no_shadow_on_the_new_wall():
    photo, restored = head(64), head(60)
    weight = torch.zeros(1, 1, 128, 128)
    weight[..., :72] = 1.0  # the outline runs past the old hair, over the wall
    blended = blend(photo, restored, weight, 128.0)
    assert (blended - restored)[..., 16:112, :].abs().max() * 127.5 < 2
    assert torch.equal(blended[..., 72:], photo[..., 72:])


def test_light_still_fades_over_a_wide_edge():
    photo = head(40)
    weight = torch.zeros(1, 1, 128, 128)
    weight[..., 20:108, 20:108] = 1.0
    lighter = photo + 12 / 127.5
    change = (blend(photo, lighter, weight, 128.0) - photo)[0, 0, 64] * 127.5
    assert change[64] == pytest.approx(12, abs=0.3)
    assert change[21].abs() < 3  # a plain blend has all twelve here


@pytest.mark.parametrize("feather_fraction", [0.0, 0.1])
def test_what_moved_near_the_edge_stays_the_photos(feather_fraction):
    kept = kept_at_edges(head(122), head(118), feather_fraction)
    assert kept.shape == (1, 1, 128, 128)
    assert kept[0, 0, 64, 64] == 1
    if feather_fraction:
        assert kept[0, 0, 64, 120] < 0.01
    else:
        assert (kept == 1).all()  # a hard edge shows no two outlines at once


def test_what_moved_within_the_crop_and_other_colours_are_pasted():
    # A soft edge of 13 px, grown by 3 and smoothed over 5, reaches no further than 24.
    assert (kept_at_edges(head(64), head(60), 0.1)[..., 24:104, 24:104] == 1).all()
    photo = head(122)
    assert (kept_at_edges(photo, photo * 0.9 + 0.1, 0.1) == 1).all()

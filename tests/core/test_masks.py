"""Masks at the public edge: every way to get one wrong is a sentence."""

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.masks import check_mask, keep_known, known_pixels


def hole(height=4, width=6):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 1:3, 1:3] = 1
    return mask


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (1, 1, 4, 6)])
def test_a_mask_may_lack_batch_and_channel(shape):
    assert torch.equal(check_mask(hole().view(shape), 4, 6), hole())


def test_another_size_is_refused():
    with pytest.raises(InvalidInputError, match="mask is 6x4 pixels, but its image is 8x8"):
        check_mask(hole(), 8, 8)


def test_other_values_than_0_and_1_are_refused():
    mask = hole()
    mask[..., 0, 0] = 0.5
    mask[..., 0, 1] = 2
    with pytest.raises(InvalidInputError, match="2 of its pixels hold other values; threshold"):
        check_mask(mask, 4, 6)


def test_a_mask_over_everything_is_refused_for_any_image_of_a_batch():
    both = torch.cat([hole(), torch.ones(1, 1, 4, 6)])
    with pytest.raises(InvalidInputError, match="covers the whole image"):
        check_mask(both, 4, 6)


def test_three_channels_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(B, 1, H, W\).*not \(1, 3, 4, 6\)"):
        check_mask(hole().expand(1, 3, 4, 6), 4, 6)


def test_inside_the_core_fractions_count_as_missing():
    mask = torch.tensor([0.0, 1 / 255, 0.5, 1.0]).view(1, 1, 1, 4)
    assert known_pixels(mask).flatten().tolist() == [True, False, False, False]
    nothing = torch.full((1, 3, 1, 4), float("nan"))
    nothing[..., 0] = 2
    assert keep_known(nothing, known_pixels(mask))[0, 0, 0].tolist() == [2, 0, 0, 0]

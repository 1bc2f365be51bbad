"""Colours and grain of a pasted face."""

import pytest
import torch
from waves import wave_photo

from pdgrad_core.alignment.blend import blend
from pdgrad_core.alignment.match_colors import match_colors
from pdgrad_core.alignment.match_grain import LARGEST_GRAIN, missing_grain
from pdgrad_core.alignment.oklab import from_oklab, to_oklab
from pdgrad_core.alignment.smoothing import smooth


def noise(level, shape=(1, 3, 200, 240), seed=0):
    return level * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_oklab_of_known_colours():
    # White, black, and sRGB red as Ottosson's page and CSS Color 4 give it.
    colours = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1]]).view(3, 3, 1, 1)
    expected = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0.62796, 0.22486, 0.12585]])
    torch.testing.assert_close(to_oklab(colours)[:, :, 0, 0], expected, rtol=0, atol=2e-4)


def test_oklab_and_back():
    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(from_oklab(to_oklab(image)), image, rtol=0, atol=1e-4)


def test_smoothing_keeps_the_mean_and_widens_as_asked():
    image = torch.zeros(1, 1, 201, 201)
    image[..., 100, 100] = 1.0
    for sigma in (1.5, 4.0, 13.0):
        found = smooth(image, sigma)
        assert found.sum() == pytest.approx(1.0, abs=0.02)
        offset = torch.arange(201.0) - 100
        assert (found.sum(-1) * offset**2).sum().sqrt() == pytest.approx(sigma, rel=0.08)


def test_a_shift_of_colour_is_taken_back():
    photo = smooth(wave_photo(120, 120), 4.0) * 0.4
    lab = to_oklab(photo)
    shifted = from_oklab(lab * torch.tensor([0.9, 1.1, 1.1]).view(1, 3, 1, 1) + 0.02)
    weight = torch.zeros(1, 1, 120, 120)
    weight[..., 20:100, 20:40] = 1.0
    before = (to_oklab(shifted) - lab).abs().mean()
    after = (to_oklab(match_colors(shifted, photo, weight, 1.0)) - lab).abs().mean()
    assert after < 0.1 * before


def test_equal_colours_stay_and_nothing_to_look_at_changes_nothing():
    photo = wave_photo(80, 80) * 0.5
    ones, zeros = torch.ones(1, 1, 80, 80), torch.zeros(1, 1, 80, 80)
    torch.testing.assert_close(match_colors(photo, photo, ones, 1.0), photo, rtol=0, atol=1e-5)
    assert match_colors(photo + 0.2, photo, zeros, 1.0) is not None
    assert torch.equal(match_colors(photo + 0.2, photo, zeros, 1.0), photo + 0.2)


def test_what_only_one_picture_shows_does_not_shift_the_colours():
    photo = smooth(wave_photo(120, 120), 4.0) * 0.4
    result = photo.clone()
    result[..., :36, :] = -0.9  # hair over a third, where the photo has a wall
    weight = torch.ones(1, 1, 120, 120)
    matched = match_colors(result, photo, weight, 1.0)
    plain_mean_shift = (photo - result).mean()
    assert (matched - photo)[..., 40:, :].abs().mean() < 0.15 * plain_mean_shift


@pytest.mark.parametrize("level", [1.5, 3.0, 5.0])
def test_missing_grain_has_the_photos_level(level):
    clean = smooth(wave_photo(200, 240), 8.0) * 0.3
    skin = torch.ones(1, 1, 200, 240, dtype=torch.bool)
    photo = clean + noise(level / 127.5)
    grain = missing_grain(clean, photo, skin)
    assert float(grain.std()) * 127.5 == pytest.approx(level, rel=0.12)
    assert torch.equal(grain, missing_grain(clean, photo, skin))
    half = clean + noise(level / 127.5 / 2, seed=1)
    assert float(missing_grain(half, photo, skin).std()) * 127.5 == pytest.approx(
        level * 0.75**0.5, rel=0.15
    )


def test_coarse_grain_is_matched_as_coarse():
    clean = torch.zeros(1, 3, 200, 240)
    coarse = smooth(noise(1.0), 1.0)
    photo = coarse / coarse.std() * 4 / 127.5
    grain = missing_grain(clean, photo, torch.ones(1, 1, 200, 240, dtype=torch.bool))

    def correlation(image):
        return float((image[..., 1:] * image[..., :-1]).mean() / (image**2).mean())

    assert correlation(photo) > 0.6
    assert correlation(grain) > 0.4


def test_no_grain_is_added_where_none_is_missing():
    clean = smooth(wave_photo(200, 240), 8.0) * 0.3
    skin = torch.ones(1, 1, 200, 240, dtype=torch.bool)
    grainy = clean + noise(3 / 127.5)
    assert missing_grain(clean, clean, skin).abs().max() == 0
    assert missing_grain(grainy, clean, skin).abs().max() == 0
    assert missing_grain(clean, grainy, torch.zeros_like(skin)).abs().max() == 0
    strong = missing_grain(clean, clean + noise(25 / 127.5), skin)
    assert float(strong.std()) == pytest.approx(LARGEST_GRAIN, rel=0.15)


def test_a_blend_is_exact_where_its_weight_is_0_and_full_in_the_middle():
    photo = wave_photo(160, 160)
    other = wave_photo(160, 160).flip(-1) * 0.5 + 0.2
    weight = torch.zeros(1, 1, 160, 160)
    weight[..., 40:120, 40:120] = 1.0
    found = blend(photo, other, weight, 100.0)
    outside = (weight == 0).expand_as(photo)
    assert torch.equal(found[outside], photo[outside])
    torch.testing.assert_close(
        found[..., 70:90, 70:90], other[..., 70:90, 70:90], rtol=0, atol=1e-3
    )
    torch.testing.assert_close(blend(photo, photo, weight, 100.0), photo)


def test_a_blend_hides_a_shift_of_light_and_keeps_detail():
    photo = torch.zeros(1, 3, 160, 160)
    detail = 0.2 * (torch.arange(160) % 2).float().view(1, 1, 1, 160) - 0.1
    weight = torch.zeros(1, 1, 160, 160)
    weight[..., 30:130, 30:130] = 1.0
    shifted = blend(photo, photo + 0.2, weight, 100.0)
    assert shifted[..., 80, 20:80].diff(dim=-1).abs().max() < 0.06  # 0.2 in one step before
    fine = blend(photo, (photo + detail).expand_as(photo), weight, 100.0)
    assert fine[..., 80, 32:128].diff(dim=-1).abs().min() > 0.15

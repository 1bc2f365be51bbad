import json

import pytest
import torch

from pdgrad_core.degradations import PRESETS, Degradation, Preset, degrade, preset
from pdgrad_core.errors import InvalidInputError, UnknownNameError


def random_image(count=1, height=64, width=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, height // 8, width // 8, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")


RANGES = {
    "pdgrad": ((0.1, 15), (24, 40), (0, 20), (30, 100)),
    "idm": ((0.2, 10), (1, 8), (0, 15), (50, 100)),
    "gan_prior": ((0.1, 10), (0.4, 8), (0, 25), (5, 50)),
    "difbfsr": ((1.8, 3.2), (4, 4), (0, 30), (50, 100)),
}


@pytest.mark.parametrize("name", RANGES)
def test_draws_fill_the_published_ranges(name):
    sigma, scale, noise, quality = RANGES[name]
    draws = [preset(name).draw(seed) for seed in range(400)]
    blurs = [s for draw in draws if draw.kernel == "gaussian" for s in draw.sigma_px]
    for values, (low, high) in (
        (blurs, sigma),
        ([draw.scale for draw in draws], scale),
        ([draw.noise_delta for draw in draws], noise),
        ([draw.jpeg_quality for draw in draws], quality),
    ):
        margin = 0.05 * (high - low)
        assert low <= min(values) <= low + margin
        assert high - margin <= max(values) <= high


def test_kernels_of_each_paper():
    def kinds(name):
        draws = [preset(name).draw(seed) for seed in range(100)]
        return {(d.kernel, d.sigma_px[0] == d.sigma_px[1]) for d in draws}

    assert kinds("pdgrad") == {("gaussian", True)}
    assert kinds("idm") == {("gaussian", True), ("gaussian", False)}
    assert kinds("gan_prior") == {("gaussian", True), ("gaussian", False), ("motion", True)}
    assert kinds("difbfsr") == {("gaussian", True)}


def test_difbfsr_cases_go_from_hard_to_easy():
    cases = PRESETS["difbfsr"].cases
    assert [case.sigma_px[0] for case in cases] == [3.2, 3.0, 2.8, 2.6, 2.4, 2.2, 2.0, 1.8]
    assert (cases[0].noise_delta, cases[0].jpeg_quality) == (30.0, 50)
    assert (cases[7].noise_delta, cases[7].jpeg_quality) == (0.0, 100)
    assert all(not case.resize_back and case.resize_mode == "bicubic" for case in cases)


def test_values_follow_the_size_of_the_face():
    full, small = preset("pdgrad").draw(3), preset("pdgrad").draw(3, size_px=64)
    assert small.sigma_px[0] == pytest.approx(full.sigma_px[0] / 8)
    assert small.scale == pytest.approx(full.scale / 8)
    assert (small.kernel_px, full.kernel_px) == (5, 41)
    assert (small.noise_delta, small.jpeg_quality) == (full.noise_delta, full.jpeg_quality)
    assert min(preset("idm").draw(seed, size_px=64).scale for seed in range(50)) == 1.0
    assert preset("difbfsr").draw(3, size_px=64) == preset("difbfsr").draw(3)


@pytest.mark.parametrize("name", PRESETS)
def test_result_depends_on_pixels_and_seed_alone(name):
    batch = random_image(3)
    together, drawn = degrade(batch, name, [5, 6, 7])
    alone, drawn_alone = degrade(batch[1:2], name, [6])
    assert torch.equal(together[1:2], alone)
    assert drawn[1] == drawn_alone[0]
    assert torch.equal(together, degrade(batch, name, 5)[0])
    assert not torch.equal(together, degrade(batch, name, 8)[0])
    assert together.abs().max() <= 1
    assert torch.isfinite(together).all()


@pytest.mark.parametrize("name", PRESETS)
def test_sizes(name):
    degraded, drawn = degrade(random_image(1, 96, 64), name, 1)
    expected = (96, 64) if drawn[0].resize_back else (24, 16)
    assert degraded.shape[-2:] == expected


def test_description_is_json_and_rebuilds_the_degradation():
    drawn = preset("gan_prior").draw(11)
    values = json.loads(json.dumps(drawn.describe()))
    values["sigma_px"] = tuple(values["sigma_px"])
    assert Degradation(**values) == drawn


def test_nothing_to_do_returns_the_image():
    image = random_image()
    assert torch.equal(degrade(image, Degradation(), 0)[0], image)


def test_each_operation_acts_in_order():
    """A flat image is changed by noise alone, and the noise lives at the low resolution."""
    image = torch.zeros(1, 3, 64, 64)
    noisy = Degradation(noise_delta=20.0, scale=8.0, resize_back=False)
    degraded, _ = degrade(image, noisy, 4)
    assert degraded.shape[-2:] == (8, 8)
    expected = 20 / 127.5 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(degraded, expected.clamp(-1, 1))


def test_below_one_enlarges_before_noise():
    degraded, _ = degrade(random_image(), Degradation(scale=0.5, resize_back=False), 0)
    assert degraded.shape[-2:] == (128, 128)


def test_dtype_is_kept():
    degraded, _ = degrade(random_image().double(), "idm", 0)
    assert degraded.dtype == torch.float64


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jpeg_quality": 0}, "jpeg_quality must be a number from 1 to 100"),
        ({"jpeg_quality": 101}, "jpeg_quality"),
        ({"scale": 0.1}, "scale must be a number from 0.25"),
        ({"scale": float("nan")}, "scale"),
        ({"noise_delta": -1.0}, "noise_delta"),
        ({"sigma_px": (-1.0, 1.0)}, "sigma_px"),
        ({"kernel_px": 4}, "odd"),
        ({"kernel": "gauss"}, "kernel must be one of none, gaussian, motion"),
        ({"resize_mode": "nearest"}, "resize_mode"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(InvalidInputError, match=message):
        Degradation(**values)


def test_calls_that_cannot_work_say_so():
    image = random_image(2)
    with pytest.raises(UnknownNameError, match="Did you mean 'pdgrad'"):
        degrade(image, "pdgrat", 0)
    with pytest.raises(InvalidInputError, match="one seed per image \\(2\\), found 3"):
        degrade(image, "idm", [1, 2, 3])
    with pytest.raises(InvalidInputError, match="seed"):
        degrade(image, "idm", -1)
    with pytest.raises(InvalidInputError, match=r"\(B, 3, H, W\)"):
        degrade(image[0], "idm", 0)
    free = Preset("free", source="test", scale=(2.0, 8.0), cases=())
    uneven = Preset(
        "uneven",
        source="test",
        cases=tuple(Degradation(scale=s, resize_back=False) for s in (2.0, 4.0)),
        scales_with_size=False,
    )
    assert degrade(image, free, 0)[0].shape == image.shape
    with pytest.raises(InvalidInputError, match="different sizes"):
        degrade(random_image(8), uneven, 0)

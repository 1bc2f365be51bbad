"""psi_l: values by hand, and what a projection promises."""

import pytest
import torch
from tolerances import WINDOW, assert_same

from pdgrad_core.contractions.filters import LowPassFilter, low_resolution
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.images import resize

PROJECTIONS = ["bicubic", "box"]
FACTORS = [2, 3, 4, 6.5, 16]


def images(batch=2, height=48, width=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, height, width, generator=generator) * 2 - 1


def test_box_means_by_hand():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    expected = torch.tensor([[2.5, 4.5], [10.5, 12.5]])
    psi = LowPassFilter("box", 2)
    torch.testing.assert_close(psi.shrink(image)[0, 0], expected)
    blocks = expected.repeat_interleave(2, 0).repeat_interleave(2, 1)
    torch.testing.assert_close(psi(image)[0, 0], blocks)


@pytest.mark.parametrize("kernel", PROJECTIONS)
@pytest.mark.parametrize("factor", FACTORS)
def test_filtering_twice_is_filtering_once(kernel, factor):
    psi, x = LowPassFilter(kernel, factor), images()
    assert_same(psi(psi(x)), psi(x), WINDOW)


@pytest.mark.parametrize("kernel", PROJECTIONS)
@pytest.mark.parametrize("factor", FACTORS)
def test_what_was_enlarged_shrinks_to_itself(kernel, factor):
    psi = LowPassFilter(kernel, factor)
    small = psi.shrink(images(seed=1))
    assert_same(psi.shrink(psi.enlarge(small, 48, 40)), small, WINDOW)


@pytest.mark.parametrize("kernel", PROJECTIONS)
def test_the_projection_is_orthogonal(kernel):
    psi, x, z = LowPassFilter(kernel, 4), images(), images(seed=2)
    inner = (psi(z).double() * (x - psi(x)).double()).sum((1, 2, 3))
    torch.testing.assert_close(inner, torch.zeros_like(inner), atol=1e-3, rtol=0)


def test_bicubic_enlarging_is_no_projection():
    psi, x = LowPassFilter("bicubic_enlarged", 4), images()
    assert (psi(psi(x)) - psi(x)).abs().max() > 0.01


@pytest.mark.parametrize("kernel", [*PROJECTIONS, "bicubic_enlarged"])
def test_filters_are_linear(kernel):
    psi, x, z = LowPassFilter(kernel, 4), images(), images(seed=3)
    assert_same(psi(2 * x - 3 * z), 2 * psi(x) - 3 * psi(z), WINDOW)


@pytest.mark.parametrize("kernel", [*PROJECTIONS, "bicubic_enlarged"])
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_an_even_image_passes_up_to_its_border(kernel, factor):
    flat = torch.full((1, 3, 48, 40), 0.3)
    assert_same(LowPassFilter(kernel, factor)(flat), flat, WINDOW)


def test_shrinking_is_the_usual_one_inside_the_border():
    x = images()
    usual = resize(x, 12, 10, "bicubic")[..., 2:-2, 2:-2]
    assert_same(LowPassFilter("bicubic", 4).shrink(x)[..., 2:-2, 2:-2], usual, WINDOW)


@pytest.mark.parametrize("kernel", [*PROJECTIONS, "bicubic_enlarged"])
def test_factor_one_lets_everything_pass(kernel):
    x = images()
    assert_same(LowPassFilter(kernel, 1)(x), x, WINDOW)


def test_an_extreme_factor_leaves_one_pixel():
    x = images()
    mean = x.mean((2, 3), keepdim=True).expand_as(x)
    assert_same(LowPassFilter("box", 512)(x), mean, WINDOW)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_is_kept(dtype):
    x = images().to(dtype)
    psi = LowPassFilter()
    assert psi(x).dtype == dtype
    # In 16 bit only the result is rounded: a unit of bfloat16 is 2^-7.
    torch.testing.assert_close(psi(x).float(), psi(x.float()), atol=1e-2, rtol=0)


def test_a_filter_first_used_in_inference_mode_passes_gradients_later():
    psi = LowPassFilter("bicubic", 3.7)
    with torch.inference_mode():
        psi(images())
    x = images().requires_grad_()
    psi(x).sum().backward()
    assert x.grad is not None


def test_an_enlarged_photo_comes_back_as_it_was():
    small = images(1, 12, 10)
    found = low_resolution(resize(small, 48, 40, "bicubic"), 4)
    assert_same(found, small, 16 * WINDOW)


@pytest.mark.parametrize(
    ("kernel", "factor"), [("lanczos", 4), ("box", 0.5), ("box", float("nan"))]
)
def test_unusable_filters_are_refused(kernel, factor):
    with pytest.raises(InvalidInputError):
        LowPassFilter(kernel, factor)

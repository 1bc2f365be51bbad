"""Split TF32: what a GPU's units would be given, emulated here by rounding it to ten bits."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from networks import images, small_networks
from tolerances import rounding

from pdgrad_core import split_tf32
from pdgrad_core.benchmarks.random_models import random_features
from pdgrad_core.benchmarks.step_inputs import pictures
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.features.base import Precision
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe

UNIT = 2.0**-11
"""TF32's rounding: ten bits of mantissa behind the first."""


@pytest.fixture
def tf32_units(monkeypatch):
    """Round what the units would round: the remainders too."""
    split, split_weight = split_tf32.split, split_tf32.split_weight
    monkeypatch.setattr(split_tf32, "split", lambda x: split_tf32.rounded(split(x)))
    monkeypatch.setattr(split_tf32, "split_weight", lambda w: split_tf32.rounded(split_weight(w)))


@pytest.fixture
def heads_alone(monkeypatch, tf32_units):
    """Drop the remainders of x, and let its second heads meet nothing: TF32 as it is."""
    split = split_tf32.split

    def heads(x):
        parts = split(x)
        parts[:, x.shape[1] :] = 0
        return parts

    monkeypatch.setattr(split_tf32, "split", heads)


def gradients(networks, x0hat, coarse, reference):
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    return compile_guidance(expression, networks).gradients(x0hat, StepContext(x0hat, 350, 50))


def split_networks(networks):
    for network in networks.values():
        network.precision = replace(network.precision, split=True)
    return networks


def worst(found, exact):
    pairs = (one.double().flatten(2) for one in (found, exact))
    return 1 - float(torch.cosine_similarity(*pairs, dim=2).min())


def test_rounding_by_hand():
    ulp = 2.0**-10
    given = torch.tensor([1.0, 1 + 0.49 * ulp, 1 + 0.5 * ulp, 1 + 0.51 * ulp, -1 - 0.5 * ulp, 0.0])
    expected = [1.0, 1.0, 1 + ulp, 1 + ulp, -1 - ulp, 0.0]
    assert split_tf32.rounded(given).tolist() == expected
    # 3.1415927 is 1608.4954 / 512, and between 2 and 4 ten bits count 512ths.
    assert float(split_tf32.rounded(torch.tensor(3.1415927))) == 1608 / 512


def test_parts_add_up_and_have_ten_bits():
    x = images(2, 12, seed=1).to(memory_format=torch.channels_last)
    head, again, rest = split_tf32.split(x).chunk(3, dim=1)
    assert torch.equal(head, again) and torch.equal(head, split_tf32.rounded(x))
    assert torch.equal(head + rest, x)
    assert bool((rest.abs() <= UNIT * x.abs()).all())


@pytest.mark.usefixtures("tf32_units")
@pytest.mark.parametrize(("stride", "padding", "side"), [(1, 1, 3), (2, 1, 3), (2, 0, 1)])
def test_a_convolution_is_float32s(stride, padding, side):
    generator = torch.Generator().manual_seed(0)
    x, bias = torch.randn(2, 24, 9, 9, generator=generator), torch.randn(8, generator=generator)
    weight = torch.randn(8, 24, side, side, generator=generator)
    parts = split_tf32.split_weight(weight)
    found = split_tf32.conv2d(x, parts, bias, stride=stride, padding=padding)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), stride=stride, padding=padding)
    size = F.conv2d(x.double().abs(), weight.double().abs(), stride=stride, padding=padding)
    # Left out are the remainders' product and their rounding, three times 2^-22 of every product.
    close = float(size.max()) * (3 * UNIT**2 + rounding(torch.float32))
    torch.testing.assert_close(found.double(), exact, atol=close, rtol=0)


def test_no_setting_of_the_process_is_touched(monkeypatch):
    from pdgrad_core.true_float32 import float32_settings, true_float32

    asked = []
    convolution = torch.ops.aten._convolution.default

    class Watched:
        @staticmethod
        def default(*arguments):
            asked.append((arguments[-1], float32_settings()))
            return convolution(*arguments)

    monkeypatch.setattr(torch.ops.aten, "_convolution", Watched)
    with true_float32():
        inside = float32_settings()
        split_tf32.conv2d(images(1, 8), split_tf32.split_weight(torch.ones(4, 3, 1, 1)))
    assert asked == [(True, inside)]


@pytest.mark.usefixtures("tf32_units")
def test_gradients_of_small_networks_stay():
    given = pictures(64, torch.device("cpu"))
    exact = gradients(small_networks(), *given)
    assert worst(gradients(split_networks(small_networks()), *given), exact) < 1e-4


@pytest.mark.usefixtures("heads_alone")
def test_without_the_remainders_the_same_gradients_do_not():
    given = pictures(64, torch.device("cpu"))
    exact = gradients(small_networks(), *given)
    assert worst(gradients(split_networks(small_networks()), *given), exact) > 1e-4


@pytest.mark.slow
@pytest.mark.usefixtures("tf32_units")
def test_full_size_gradients_keep_balanceds_promise():
    given = pictures(128, torch.device("cpu"))
    networks = random_features(0)
    exact = gradients(networks, *given)
    for network in networks.values():
        network.precision = Precision(torch.float32, torch.float16, split=True)
    assert worst(gradients(networks, *given), exact) < 1e-4

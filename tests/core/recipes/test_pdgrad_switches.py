"""The switches of PDGrad's objective beyond the paper: weights of its terms, and the anchor."""

import pytest
import torch
from networks import images, in_float64, small_networks

from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import surgeries_of, terms_of
from pdgrad_core.recipes import GuideImages, recipe

SIZE = 32
WEIGHTS = ("low_reference_weight", "high_reference_weight", "high_coarse_weight", "anchor_weight")


@pytest.fixture(scope="module")
def networks():
    return {name: in_float64(network) for name, network in small_networks().items()}


@pytest.fixture(scope="module")
def given():
    y, y_c, y_r = (images(1, SIZE, seed).double() for seed in (1, 2, 3))
    return GuideImages(y, y_c, (y_r,))


@pytest.fixture(scope="module")
def gradient(networks):
    x0hat = images(1, SIZE, 4).double()

    def of(expression):
        return compile_guidance(expression, networks)(x0hat, StepContext(x0hat, 9, 0, 0)).gradient

    return of


def guidance(given, name="pdgrad", **switches):
    return recipe(name).configured(switches).guidance(given)


def names(expression):
    return [term.name for term in terms_of(expression)]


def surgeries(expression):
    return {surgery.name: surgery for surgery in surgeries_of(expression)}


def test_the_published_objective_has_its_six_terms_with_weight_one(given):
    found = guidance(given)
    assert names(found) == [
        *("low_c.arc", "low_c.vgg", "low_r.arc", "low_r.vgg"),
        *("high_r.arc", "high_c.arc"),
    ]
    assert {term.weight for term in terms_of(found)} == {1.0}
    assert list(surgeries(found)) == ["low", "high"]


def test_without_the_coarse_identity_the_high_level_is_the_reference_alone(given, gradient):
    dropped = guidance(given, high_coarse_weight=0)
    assert list(surgeries(dropped)) == ["low"]
    assert "high_c.arc" not in names(dropped)
    published = surgeries(guidance(given))
    expected = gradient(published["low"]) + gradient(published["high"].pivot)
    torch.testing.assert_close(gradient(dropped), expected)


def test_a_weight_of_the_high_level_scales_its_gradient(given, gradient):
    plain, high = (guidance(given, high_coarse_weight=0, high_reference_weight=w) for w in (1, 3))
    published = surgeries(guidance(given))["high"].pivot
    torch.testing.assert_close(gradient(high) - gradient(plain), 2 * gradient(published))


def test_halving_low_r_halves_what_the_low_surgery_sees(given, gradient):
    whole, half = (surgeries(guidance(given, low_reference_weight=w))["low"] for w in (1, 0.5))
    torch.testing.assert_close(gradient(half.other), 0.5 * gradient(whole.other))
    assert torch.equal(gradient(half.pivot), gradient(whole.pivot))


def test_the_anchor_adds_the_pixels_gradient_to_the_low_pivot(given, gradient):
    plain, anchored = (surgeries(guidance(given, anchor_weight=w))["low"].pivot for w in (0, 0.01))
    x0hat = images(1, SIZE, 4).double()
    # d/dx w (x - y_c)^2 = 2 w (x - y_c)
    expected = 0.02 * (x0hat - given.coarse)
    torch.testing.assert_close(gradient(anchored) - gradient(plain), expected)


@pytest.mark.parametrize("name", ["a1", "a2", "a5"])
def test_the_ablations_take_the_switches_too(given, name):
    weights = {
        term.name: term.weight
        for term in terms_of(guidance(given, name, high_coarse_weight=2, anchor_weight=0.5))
    }
    assert (weights["high_c.arc"], weights["low_c.pixel"]) == (2, 0.5)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_negative_weight_is_refused(name):
    with pytest.raises(InvalidInputError, match=name):
        recipe("pdgrad").configured({name: -0.1})


def test_other_recipes_say_why_they_have_no_such_weight():
    with pytest.raises(InvalidInputError, match="has no levels to be weighted"):
        recipe("pgdiff-reference").configured({"anchor_weight": 0.1})

"""The switches of PDGrad's objective beyond the paper: weights of its terms, and the anchor."""

from dataclasses import replace

import pytest
import torch
from golden import tiny_prior
from networks import images, in_float64, small_networks

from pdgrad_core.contractions.filters import LowPassFilter
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import surgeries_of, terms_of
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.pipeline import restore_faces
from pdgrad_core.recipes import GuideImages, recipe
from pdgrad_core.restorers import load_restorer
from pdgrad_core.settings import Settings

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


def test_without_low_r_the_low_level_is_the_coarse_face_alone(given):
    found = guidance(given, low_reference_weight=0)
    assert list(surgeries(found)) == ["high"]
    assert names(found) == ["low_c.arc", "low_c.vgg", "high_r.arc", "high_c.arc"]
    summed = guidance(given, "a1", low_reference_weight=0, high_coarse_weight=0)
    assert names(summed) == ["low_c.arc", "low_c.vgg", "high_r.arc"]


def test_the_mirrored_identity_is_the_mean_over_photo_and_mirror_image(given, gradient):
    (y_r,) = given.references
    other = replace(given, references=(y_r.flip(-1),))
    pivots = [
        gradient(surgeries(guidance(one, **switch))["high"].pivot)
        for one, switch in ((given, {}), (other, {}), (given, {"mirrored": True}))
    ]
    torch.testing.assert_close(pivots[2], (pivots[0] + pivots[1]) / 2)
    low = [surgeries(guidance(given, mirrored=m))["low"].other for m in (False, True)]
    assert torch.equal(gradient(low[0]), gradient(low[1]))


def test_weights_of_references_are_halved_between_photo_and_mirror_image(given):
    weighted = replace(given, references=given.references * 2, weights=torch.tensor([[0.2], [0.8]]))
    found = weighted.all_references(mirrored=True)
    assert found.weights is not None
    assert found.weights.flatten().tolist() == pytest.approx([0.1, 0.4, 0.1, 0.4])
    assert len(found.images) == 4


@pytest.mark.parametrize(("held_px", "factor"), [(8, 4.0), (32, 1.0), (512, 1.0)])
def test_held_frequencies_are_the_coarse_face_s(given, held_px, factor):
    (held,) = recipe("pdgrad").configured({"held_px": held_px}).holding(given)
    x0hat = images(1, SIZE, 4).double()
    found = held(x0hat, StepContext(x0hat, 9, 0, 0))
    psi = LowPassFilter("bicubic", factor)
    torch.testing.assert_close(psi(found), psi(given.coarse), atol=1e-5, rtol=0)
    torch.testing.assert_close(found - psi(found), x0hat - psi(x0hat), atol=1e-5, rtol=0)


def test_nothing_is_held_as_published(given):
    assert recipe("pdgrad").holding(given) == ()


def test_a_restoration_keeps_what_is_held():
    models = ModelSet(tiny_prior(), small_networks())
    y, y_r = images(2, 64, 1), images(1, 64, 2)
    models = replace(models, restorer=load_restorer("none"))
    psi, found = LowPassFilter("bicubic", 8), {}
    for held_px in (0, 8):
        settings = Settings("pdgrad", tau=300, steps=2, held_px=held_px)
        image = restore_faces(y, [y_r], models, settings).image
        found[held_px] = (psi(image) - psi(y)).abs().mean()
    # Guidance moves the sample after the filter, by a share of each step.
    assert found[8] < 0.25 * found[0]


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

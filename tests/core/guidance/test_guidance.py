"""Compiled guidance against autograd on the whole expression, and what it promises per step."""

import pytest
import torch
from networks import images as float32_images
from networks import in_float64, small_arcface, small_networks, small_vgg
from tolerances import LPIPS_GUARD, assert_same, assert_same_through_gates, terms_of

from pdgrad_core.combiners import COMBINERS
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError, NonFiniteGradientError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import Sum, Surgery, Term
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.losses.perceptual import PerceptualLoss
from pdgrad_core.losses.pixel import PixelLoss
from pdgrad_core.losses.squared_identity import SquaredIdentityLoss

TERMS = 2 * (terms_of(small_arcface().network) + terms_of(small_vgg().trunk))
"""Products summed on the way to the features and back."""


def images(*args, **values):
    """In float64, where no rounding opens or closes a gate; see `tolerances`."""
    return float32_images(*args, **values).double()


@pytest.fixture
def networks():
    return {name: in_float64(network) for name, network in small_networks().items()}


def context(x, t=500, repeat=0):
    return StepContext(x, t, t, repeat)


def pdgrad_terms(coarse, reference):
    def low(name, target):
        return Sum(
            (
                Term(f"{name}.arc", IdentityLoss("low"), target),
                Term(f"{name}.vgg", PerceptualLoss(), target, weight=2.0),
            )
        )

    return {
        "low_c": low("low_c", coarse),
        "low_r": low("low_r", reference),
        "high_c": Term("high_c", IdentityLoss("high"), coarse),
        "high_r": Term("high_r", IdentityLoss("high"), reference),
    }


def pdgrad(terms, method="pdgrad"):
    combiner = COMBINERS[method]()
    return Sum(
        (
            Surgery("low", terms["low_c"], terms["low_r"], combiner),
            Surgery("high", terms["high_r"], terms["high_c"], combiner),
        )
    )


def autograd(networks, term, x):
    """The gradient of one expression without surgery, by autograd through whole networks."""
    leaf = x.clone().requires_grad_()
    total = 0.0
    for part in term.parts if isinstance(term, Sum) else (term,):
        network = networks[part.loss.network]
        features = network.features(leaf, part.loss.taps(network))
        target = part.loss.target(network, part.target)
        total = total + part.weight * part.loss(network, features, target).sum()
    return torch.autograd.grad(total, leaf)[0]


def assert_same_gradient(found, expected):
    assert found.dtype == torch.float64
    assert_same(found, expected, TERMS, besides=LPIPS_GUARD)


def test_float32_is_near_float64(networks):
    y, r = images(2, seed=2), images(2, seed=3)
    x = images(2, seed=1)
    expected = compile_guidance(Sum(tuple(pdgrad_terms(y, r).values())), networks)
    terms = pdgrad_terms(y.float(), r.float())
    found = compile_guidance(Sum(tuple(terms.values())), small_networks())
    g = found(x.float(), context(x.float())).gradient
    assert g.dtype == torch.float32
    assert_same_through_gates(g, expected(x, context(x)).gradient, TERMS)


def test_a_plain_sum_is_the_gradient_of_the_summed_losses(networks):
    x, y, r = images(2, seed=1), images(2, seed=2), images(1, seed=3)
    terms = pdgrad_terms(y, r)
    compiled = compile_guidance(Sum(tuple(terms.values())), networks)
    assert compiled.groups == 1
    found = compiled(x, context(x)).gradient
    assert_same_gradient(found, sum(autograd(networks, term, x) for term in terms.values()))


@pytest.mark.parametrize("method", ["sum", "projection", "pdgrad"])
def test_surgery_is_done_on_the_terms_gradients(networks, method):
    x, y, r = images(2, seed=1), images(2, seed=2), images(2, seed=3)
    terms = pdgrad_terms(y, r)
    compiled = compile_guidance(pdgrad(terms, method), networks)
    assert compiled.groups == 4
    guided = compiled(x, context(x))
    g = {name: autograd(networks, term, x) for name, term in terms.items()}
    combiner = COMBINERS[method]()
    expected = combiner(torch.stack([g["low_c"], g["low_r"]])) + combiner(
        torch.stack([g["high_r"], g["high_c"]])
    )
    assert_same_gradient(guided.gradient, expected)
    cosine = torch.cosine_similarity(g["low_c"].flatten(1), g["low_r"].flatten(1))
    assert_same(guided.record["low.cosine"], cosine, TERMS, scale=1.0, besides=LPIPS_GUARD)
    assert_same(guided.record["high.pivot_norm"], g["high_r"].flatten(1).norm(dim=1), TERMS)


def test_surgery_may_hold_surgery(networks):
    x, y, r = images(1, seed=1), images(1, seed=2), images(1, seed=3)
    terms = pdgrad_terms(y, r)
    combiner = COMBINERS["pdgrad"]()
    inner = Surgery("inner", terms["low_c"], terms["low_r"], combiner)
    outer = Surgery("outer", inner, Term("pixel", PixelLoss(), y, 1e-4), combiner)
    expression = Sum((outer, terms["high_r"]), (2.0, 0.5))
    found = compile_guidance(expression, networks)(x, context(x)).gradient
    g = {name: autograd(networks, term, x) for name, term in terms.items()}
    low = combiner(torch.stack([g["low_c"], g["low_r"]]))
    expected = 2 * combiner(torch.stack([low, 2e-4 * (x - y)])) + 0.5 * g["high_r"]
    assert_same_gradient(found, expected)


def test_each_network_runs_once_per_step_and_targets_once_per_run(networks):
    calls = {"vjp": 0, "features": 0}
    for network in networks.values():
        original_vjp, original_features = network.vjp, network.features

        def vjp(*args, original=original_vjp):
            calls["vjp"] += 1
            return original(*args)

        def features(*args, original=original_features):
            calls["features"] += 1
            return original(*args)

        network.vjp, network.features = vjp, features
    x, y, r = images(seed=1), images(seed=2), images(seed=3)
    compiled = compile_guidance(pdgrad(pdgrad_terms(y, r)), networks)
    prepared = calls["features"]
    assert prepared == 6
    for t in (30, 20, 10):
        compiled(x, context(x, t))
    assert calls == {"vjp": 6, "features": prepared}


def test_an_images_gradient_does_not_depend_on_its_batch_mates(networks):
    x, y, r = images(2, seed=1), images(2, seed=2), images(2, seed=3)
    together = compile_guidance(pdgrad(pdgrad_terms(y, r)), networks)(x, context(x))
    alone = compile_guidance(pdgrad(pdgrad_terms(y[1:], r[1:])), networks)(x[1:], context(x[1:]))
    assert_same_gradient(together.gradient[1:], alone.gradient)


def test_guidance_runs_in_inference_mode(networks):
    with torch.inference_mode():
        x, y = images(seed=1), images(seed=2)
        compiled = compile_guidance(pdgrad(pdgrad_terms(y, images(seed=3))), networks)
        assert compiled(x, context(x)).gradient.isfinite().all()
        squared = compile_guidance(Term("id", SquaredIdentityLoss(), y), networks)
        assert squared(x, context(x)).gradient.isfinite().all()


def test_moving_targets_follow_x_t_and_rest_during_repeats(networks):
    seen = []

    def restorer(ctx):
        seen.append((ctx.t, ctx.repeat))
        return ctx.x_t * 0.5

    compiled = compile_guidance(Term("pixel", PixelLoss(), restorer), networks)
    x = images(seed=1)
    first = compiled(x, context(x, 10, 0)).gradient
    assert_same(first, x)
    other = images(seed=2)
    second = compiled(x, context(other, 10, 1)).gradient
    assert_same(second, x)
    third = compiled(x, context(other, 9, 0)).gradient
    assert_same(third, 2 * x - other)
    assert seen == [(10, 0), (9, 0)]


def test_a_gradient_that_is_not_finite_names_term_and_step(networks):
    x, y = images(seed=1), images(seed=2)
    expression = Surgery(
        "pixels",
        Term("good", PixelLoss(), y),
        Term("bad", PixelLoss(), y * float("inf")),
        COMBINERS["pdgrad"](),
    )
    compiled = compile_guidance(expression, networks)
    with pytest.raises(NonFiniteGradientError, match=r"gradient of bad is NaN .* timestep 321"):
        compiled(x, context(x, 321))


def test_wrong_expressions_are_refused(networks):
    x, loss = images(), PixelLoss()
    with pytest.raises(InvalidInputError, match="named 'a'"):
        compile_guidance(Sum((Term("a", loss, x), Term("a", loss, x))), networks)
    with pytest.raises(InvalidInputError, match="needs the network 'arcface'"):
        compile_guidance(Term("id", IdentityLoss(), x), {})
    with pytest.raises(InvalidInputError, match="finite number, not nan"):
        compile_guidance(Term("a", loss, x, float("nan")), networks)
    with pytest.raises(InvalidInputError, match=r"batches of \[2, 3\]"):
        compile_guidance(Sum((Term("a", loss, images(2)), Term("b", loss, images(3)))), networks)
    with pytest.raises(InvalidInputError, match="at least one"):
        Sum(())
    with pytest.raises(InvalidInputError, match="as many weights"):
        Sum((Term("a", loss, x),), (1.0, 2.0))

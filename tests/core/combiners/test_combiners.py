"""Gradient surgery: values by hand, the golden cases, and the properties each method promises."""

import math
from fractions import Fraction

import pytest
import torch
from golden import golden
from tolerances import assert_same, rounding

from pdgrad_core.combiners import COMBINERS, base
from pdgrad_core.combiners.base import combine, gram_of, gram_of_combinations

PIVOTED = ["projection", "pdgrad"]


PIXELS = 3 * 8 * 8

SOLVERS = {"rtol": 1e-3, "atol": 1e-3}
"""How far torchjd's solvers stop from the answer: their own setting, whatever the processor."""


def gradients(m=2, b=4, seed=0, size=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(m, b, 3, size, size, generator=generator)


def conflicting(b=6, seed=0):
    """Pairs that oppose each other, the other from far shorter to far longer than the pivot."""
    p, o = gradients(2, b, seed)
    o = o - 1.5 * p * (o * p).flatten(1).sum(1).abs().view(-1, 1, 1, 1) / 100 - 0.5 * p
    return torch.stack([p, o * torch.logspace(-2, 2, b).view(-1, 1, 1, 1)])


def dot(a, b):
    return (a.double() * b.double()).flatten(1).sum(1)


def direct(p, o, limit):
    """PDGrad's surgery on the full-size gradients, in float64, as the paper writes it."""
    p, o = p.double(), o.double()
    inner, square = dot(p, o), dot(p, p)
    column = (-1, 1, 1, 1)
    hat = o - (inner / square.clamp_min(1e-300)).view(column) * p
    k = torch.ones_like(inner)
    if limit:
        k = (square.sqrt() / dot(hat, hat).sqrt().clamp_min(1e-300)).clamp_max(1)
    return torch.where((inner < 0).view(column), p + k.view(column) * hat, p + o)


def test_values_by_hand():
    p = torch.tensor([2.0, 0.0, 0.0]).view(1, 3, 1, 1)
    o = torch.tensor([-1.0, 4.0, 0.0]).view(1, 3, 1, 1)
    answers = {"sum": [1, 4, 0], "projection": [2, 4, 0], "pdgrad": [2, 2, 0]}
    for name, expected in answers.items():
        found = COMBINERS[name]()(torch.stack([p, o])).flatten()
        assert_same(found, torch.tensor(expected).float())


CASES = sorted({key.split(".")[0] for key in golden("pdgrad_surgery")})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
def test_the_golden_cases(case, dtype):
    vectors = golden("pdgrad_surgery")
    p, o = vectors[f"{case}.pivot"], vectors[f"{case}.other"]
    expected = vectors[f"{case}.result"]
    found = COMBINERS["pdgrad"]()(torch.stack([p, o]).to(dtype))
    for one, wanted in zip(found, expected, strict=True):
        assert_same(one, wanted, p[0].numel())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PIVOTED)
def test_agreement_with_a_direct_projection(name, dtype):
    for pair in (gradients(), conflicting()):
        expected = direct(*pair, limit=name == "pdgrad")
        assert_same(COMBINERS[name]()(pair.to(dtype)), expected, PIXELS)


@pytest.mark.parametrize("name", PIVOTED)
def test_the_pivot_is_never_opposed(name):
    for seed in range(5):
        p, o = conflicting(seed=seed)
        g = COMBINERS[name]()(torch.stack([p, o]))
        assert (dot(g, p) >= dot(p, p) * (1 - 1e-4)).all()


def test_k_never_lengthens_and_bounds_the_other_by_the_pivot():
    p, o = conflicting()
    plain = COMBINERS["projection"]()(torch.stack([p, o])) - p
    limited = COMBINERS["pdgrad"]()(torch.stack([p, o])) - p
    slack = 1 + 1e-4
    assert (dot(limited, limited) <= dot(plain, plain) * slack).all()
    assert (dot(limited, limited) <= dot(p, p) * slack).all()
    assert (dot(limited, limited) < dot(plain, plain) * 0.9).any()


@pytest.mark.parametrize("name", COMBINERS.names())
def test_scaling_all_gradients_scales_the_result(name):
    pair = conflicting()
    combiner = COMBINERS[name]()
    one = combiner(pair)
    combiner.reset()
    torch.testing.assert_close(combiner(pair * 1024), one * 1024, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", COMBINERS.names())
def test_an_images_result_does_not_depend_on_its_batch_mates(name):
    pair = conflicting()
    combiner = COMBINERS[name]()
    together = combiner(pair)
    combiner.reset()
    torch.testing.assert_close(combiner(pair[:, :1])[0], together[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in COMBINERS.names() if n != "torchjd_pcgrad"])
def test_permuting_the_gradients_and_the_pivot_permutes_nothing_else(name):
    three = gradients(3)
    combiner = COMBINERS[name]()
    one = combiner(three, pivot=0)
    other = combiner(three[[2, 1, 0]], pivot=2)
    torch.testing.assert_close(one, other, **SOLVERS)


@pytest.mark.parametrize("name", COMBINERS.names())
@pytest.mark.parametrize("scale", [0.0, 1e-25, 1.0, 1e18])
def test_results_are_finite_at_every_scale(name, scale):
    pair = conflicting() * scale
    g = COMBINERS[name]()(pair)
    assert g.isfinite().all()
    if scale == 0:
        assert not g.any()


@pytest.mark.parametrize("name", ["sum", *PIVOTED])
def test_gradients_that_agree_are_simply_added(name):
    p, o = gradients(seed=3)
    o = o + p * 2
    found = COMBINERS[name]()(torch.stack([p, o]))
    assert_same(found, p + o, PIXELS)


OPPOSED = [(-1e4, 3.0), (-1e4, 0.5), (-1e6, 3.0), (-3e6, 700.0), (-1e7, 30.0), (-1e12, 1e6)]
"""What opposes a pivot (1, 0, 0), and beside it; float32 takes each for exactly opposed."""


@pytest.mark.parametrize("along, beside", OPPOSED)
@pytest.mark.parametrize("size", [1.0, 1e-20, 1e15])
def test_what_is_left_of_nearly_opposed_gradients_is_as_long_as_k_says(along, beside, size):
    p = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1) * size
    o = torch.tensor([along, beside, 0.0]).view(1, 3, 1, 1) * size
    expected = torch.tensor([1.0, min(beside, 1.0), 0.0]) * size
    # The Gram's float64 leaves the sine of the angle its rounding over the sine's square.
    sine = beside / abs(along)
    close = rounding(torch.float64) / sine**2 + rounding(torch.float32)
    found = COMBINERS["pdgrad"]()(torch.stack([p, o])).flatten()
    torch.testing.assert_close(found, expected, atol=size * close, rtol=0)


@pytest.mark.parametrize("sine", [1e-2, 1e-4, 1e-6])
def test_nearly_opposed_gradients_of_many_pixels_agree_with_exact_arithmetic(sine):
    # Whole numbers, so that float32 holds them and fractions of them are exact.
    p, across = (gradients(2, 1, seed=5) * 1024).round()
    o = (-p * 64 / sine + across * 64).round()
    exact = exactly(p.flatten(), o.flatten()).view_as(p)
    found = COMBINERS["pdgrad"]()(torch.stack([p, o]))
    close = rounding(torch.float32) + rounding(torch.float64) / sine**2
    torch.testing.assert_close(found.double(), exact, atol=close * float(p.abs().max()), rtol=0)


def exactly(p, o):
    """PDGrad's surgery in fractions, rounded only where a root is taken."""
    p, o = ([Fraction(x) for x in one.tolist()] for one in (p, o))
    along = sum(a * b for a, b in zip(p, o, strict=True)) / sum(a * a for a in p)
    hat = [b - along * a for a, b in zip(p, o, strict=True)]
    k = min(1.0, math.sqrt(sum(a * a for a in p) / sum(a * a for a in hat)))
    return torch.tensor([float(a) + k * float(b) for a, b in zip(p, hat, strict=True)]).double()


@pytest.mark.parametrize("length", [1.0, 2.0**33, 2.0**66])
def test_of_what_opposes_exactly_nothing_is_left(length):
    p, _ = gradients(2, 1)
    found = COMBINERS["pdgrad"]()(torch.stack([p, -p * length]))  # a power of two rounds nothing
    assert_same(found, p, PIXELS)


def test_without_float64_what_is_left_is_never_longer_than_the_pivot(monkeypatch):
    monkeypatch.setattr(base, "exact_dtype", lambda device: torch.float32)
    for along, beside in OPPOSED:
        p = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        o = torch.tensor([along, beside, 0.0]).view(1, 3, 1, 1)
        left = COMBINERS["pdgrad"]()(torch.stack([p, o])) - p
        # A tenth of a per cent of the pivot: the sum's rounding over the smallest sine.
        assert left.norm() <= 1 + rounding(torch.float32) ** 0.5


def test_several_others_are_each_treated_by_themselves():
    p, o = conflicting()
    (_, other) = conflicting(seed=9)
    combiner = COMBINERS["pdgrad"]()
    both = combiner(torch.stack([p, o, other]))
    parts = [combiner(torch.stack([p, x])) - p for x in (o, other)]
    assert_same(both, p + parts[0] + parts[1], PIXELS)


def test_combinations_have_the_gram_of_the_combined_gradients():
    three = gradients(3).double()  # of float32 ones, the combined gradients would be rounded
    gram, scales = gram_of(three)
    vectors = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(2))
    combined = torch.stack([combine(three, gram, scales, vectors[:, i]) for i in range(2)])
    found, (expected, _) = gram_of_combinations(gram, vectors), gram_of(combined)
    assert_same(found.cosines, expected.cosines, PIXELS)
    assert_same(found.norms, expected.norms, PIXELS)


def test_random_methods_are_seeded_and_leave_the_global_generator_alone():
    three = gradients(3, 8)
    before = torch.random.get_rng_state()
    one = COMBINERS["torchjd_pcgrad"](seed=1)
    first, second = one(three), one(three)
    assert torch.equal(torch.random.get_rng_state(), before)
    one.reset()
    assert torch.equal(one(three), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", COMBINERS.names())
def test_inference_mode_changes_nothing(name):
    pair = conflicting()
    expected = COMBINERS[name]()(pair)
    with torch.inference_mode():
        torch.testing.assert_close(COMBINERS[name]()(pair.clone()), expected)


def test_torchjds_answers_in_the_plane():
    # |w a + (1 - w) b|^2 with <a,a> = 1, <a,b> = -0.5, <b,b> = 2.5 is least at w = 3 / 4.5.
    a = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    b = torch.tensor([-0.5, 1.5, 0.0]).view(1, 3, 1, 1)
    w = 3.0 / 4.5
    found = COMBINERS["torchjd_mgda"]()(torch.stack([a, b]))
    torch.testing.assert_close(found, w * a + (1 - w) * b, atol=2e-3, rtol=0)

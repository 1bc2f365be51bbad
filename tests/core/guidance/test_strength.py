"""Strength rules: by hand, invariant to the loss's scale where they say so, and finite."""

import math

import pytest
import torch

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.strengths import STRENGTHS
from pdgrad_core.guidance.strengths.constant import Constant
from pdgrad_core.guidance.strengths.dynamic import Dynamic


def pair(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, 4, 4, generator=generator) for _ in range(3)]


def test_constant_shifts_the_mean_by_s_sigma_g():
    mean, variance, g = pair()
    rule = Constant(0.5)
    torch.testing.assert_close(rule.on_mean(mean, variance, g), mean - 0.5 * variance * g)
    assert rule.on_sample(mean, variance, g) is mean


@pytest.mark.parametrize(("scope", "dims"), [("image", (1, 2, 3)), ("channel", (2, 3))])
def test_dynamic_shifts_by_a_fraction_of_the_step(scope, dims):
    x_prev, x_t, g = pair()
    rule = Dynamic(0.1, scope)
    shift = rule.on_sample(x_prev, x_t, g) - x_prev
    expected = 0.1 * (x_t - x_prev).pow(2).sum(dims).sqrt()
    torch.testing.assert_close(shift.pow(2).sum(dims).sqrt(), expected)
    assert (shift * g).sum() < 0
    assert rule.on_mean(x_prev, x_t, g) is x_prev


@pytest.mark.parametrize("scale", [1e-25, 1e-6, 1e6, 1e25])
def test_dynamic_does_not_depend_on_the_losss_scale(scale):
    x_prev, x_t, g = pair()
    rule = Dynamic(0.1)
    torch.testing.assert_close(
        rule.on_sample(x_prev, x_t, g * scale), rule.on_sample(x_prev, x_t, g)
    )


def test_a_zero_gradient_is_no_step():
    x_prev, x_t, _ = pair()
    assert torch.equal(Dynamic().on_sample(x_prev, x_t, torch.zeros_like(x_t)), x_prev)


@pytest.mark.parametrize("name", STRENGTHS.names())
@pytest.mark.parametrize("s", [math.nan, math.inf, -0.1])
def test_strengths_that_are_no_strength_are_refused(name, s):
    with pytest.raises(InvalidInputError, match="s must be a number from 0"):
        STRENGTHS[name](s)


def test_scopes_are_two():
    with pytest.raises(InvalidInputError, match="'pixel'"):
        Dynamic(0.1, "pixel")

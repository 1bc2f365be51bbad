"""Masked expressions: no gradient in the hole, whatever is composed around or inside."""

import pytest
import torch
from networks import images, in_float64, small_networks
from tolerances import assert_same

from pdgrad_core.combiners import COMBINERS
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.terms import Masked, Sum, Surgery, Term
from pdgrad_core.losses.adversarial import AdversarialLoss
from pdgrad_core.losses.color_statistics import ColorStatisticsLoss
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.losses.pixel import PixelLoss

X, Y, R = (images(2, seed=seed).double() for seed in (1, 2, 3))
PIXELS = X[0].numel()
MASK = torch.zeros(1, 1, 48, 48)
MASK[..., 10:30, 5:20] = 1
MASK[..., 40, 40] = 0.5
KNOWN = (MASK == 0).float()


def gradient(expression, networks=None):
    compiled = compile_guidance(expression, networks or {})
    return compiled(X, StepContext(X, 500, 500, 0)).gradient


def pixel(name="pixel", target=Y, weight=1.0):
    return Term(name, PixelLoss(), target, weight)


def test_the_gradient_is_zero_in_the_mask_and_the_same_elsewhere():
    colour = Term("colour", ColorStatisticsLoss(), None, 0.5)
    expression = Sum((pixel(), colour))
    found = gradient(Masked(expression, MASK))
    assert_same(found, gradient(expression) * KNOWN, PIXELS)
    assert not found[..., 12, 12].any()
    assert not found[..., 40, 40].any()


def test_only_the_masked_part_of_a_sum_is_masked():
    identity = Term("identity", IdentityLoss(), R, 3.0)
    networks = {name: in_float64(network) for name, network in small_networks().items()}
    found = gradient(Sum((Masked(pixel(weight=1e-4), MASK), identity), (2.0, 1.0)), networks)
    expected = 2e-4 * gradient(pixel()) * KNOWN + gradient(identity, networks)
    assert_same(found, expected, PIXELS)


def test_masks_inside_masks_add_up_and_equal_masks_share_a_gradient():
    other = torch.zeros(2, 1, 48, 48)
    other[1, :, :24] = 1
    found = gradient(Masked(Sum((pixel(), Masked(pixel("b", R), other))), MASK))
    expected = 2 * (X - Y) * KNOWN + 2 * (X - R) * KNOWN * (other == 0)
    assert_same(found, expected)
    shared = Sum((Masked(pixel(), MASK), Masked(pixel("b", R), MASK)))
    assert compile_guidance(shared, {}).groups == 1


def test_surgery_sees_the_gradients_masked():
    combiner = COMBINERS["pdgrad"]()
    found = gradient(Masked(Surgery("s", pixel("a", Y), pixel("b", R), combiner), MASK))
    masked = torch.stack([2 * (X - Y) * KNOWN, 2 * (X - R) * KNOWN])
    assert_same(found, combiner(masked), PIXELS)
    one_sided = Surgery("s", pixel("a", Y), Masked(pixel("b", R), MASK), combiner)
    mixed = torch.stack([2 * (X - Y), 2 * (X - R) * KNOWN])
    assert_same(gradient(one_sided), combiner(mixed), PIXELS)


def test_wrong_masks_and_missing_targets_are_refused():
    with pytest.raises(InvalidInputError, match="1 where a pixel is missing"):
        Masked(pixel(), torch.zeros(48, 48))
    with pytest.raises(InvalidInputError, match="mask is 8x8 pixels"):
        gradient(Masked(pixel(), torch.zeros(1, 1, 8, 8)))
    with pytest.raises(InvalidInputError, match="'pixel' compares x0hat with an image"):
        pixel(target=None)
    with pytest.raises(InvalidInputError, match="needs the network 'discriminator'"):
        compile_guidance(Term("gan", AdversarialLoss(), None), {})

"""Eq. 5 and what the filter can be told: weight, schedule, rest, mask, chain."""

import pytest
import torch
from contraction_inputs import at, images
from tolerances import WINDOW, assert_same

from pdgrad_core.contractions.filters import LowPassFilter
from pdgrad_core.contractions.low_pass import LowPass
from pdgrad_core.errors import InvalidInputError


@pytest.mark.parametrize("kernel", ["bicubic", "box"])
def test_low_frequencies_come_from_the_target_and_high_ones_from_x0hat(kernel):
    target, x0hat = images(seed=1), images(seed=2)
    psi = LowPassFilter(kernel, 4)
    found = LowPass(target, kernel=kernel)(x0hat, at(500))
    assert_same(psi(found), psi(target), WINDOW)
    assert_same(found - psi(found), x0hat - psi(x0hat), WINDOW)


@pytest.mark.parametrize("kernel", ["bicubic", "box"])
def test_contracting_twice_changes_nothing_more(kernel):
    contract = LowPass(images(seed=1), kernel=kernel)
    once = contract(images(), at(500))
    assert_same(contract(once, at(400)), once, WINDOW)


def test_by_hand():
    x0hat = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).expand(1, 3, 2, 2)
    contract = LowPass(torch.full((1, 3, 2, 2), 0.75), factor=2, kernel="box", weight=0.5)
    expected = torch.tensor([[1.25, 0.25], [0.25, 0.25]]).expand(1, 3, 2, 2)
    torch.testing.assert_close(contract(x0hat, at(0)), expected)


def test_the_weight_is_a_share_of_the_way():
    target, x0hat = images(seed=1), images(seed=2)
    whole = LowPass(target)(x0hat, at(5))
    half = LowPass(target, weight=0.5)(x0hat, at(5))
    assert_same(half, (whole + x0hat) / 2)


def test_the_factor_changes_geometrically_from_the_noisiest_step_to_the_last():
    contract = LowPass(images(), factor=4, noisy_factor=16)
    assert contract.factor_at(999) == pytest.approx(16)
    assert contract.factor_at(0) == pytest.approx(4)
    assert contract.factor_at(499) == pytest.approx(8, rel=1e-2)
    assert LowPass(images(), factor=4).factor_at(700) == 4


def test_the_filter_rests_below_until():
    contract, x0hat = LowPass(images(seed=1), until=100), images()
    assert contract(x0hat, at(99)) is x0hat
    assert not torch.equal(contract(x0hat, at(100)), x0hat)


def test_a_moving_target_is_asked_at_each_step():
    asked = []

    def target(context):
        asked.append(context.t)
        return images(seed=context.t)

    contract = LowPass(target)
    contract(images(), at(7))
    found = contract(images(), at(3))
    assert asked == [7, 3]
    assert torch.equal(found, LowPass(images(seed=3))(images(), at(3)))


def test_missing_pixels_neither_move_nor_leak():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    x0hat, target = images(seed=2), images(seed=1)
    found = LowPass(target, mask)(x0hat, at(0))
    assert torch.equal(found[..., :32], x0hat[..., :32])
    spoiled = torch.where(mask.bool(), torch.ones_like(target), target)
    assert torch.equal(LowPass(spoiled, mask)(x0hat, at(0)), found)
    assert not torch.equal(found, x0hat)


def test_fractions_of_a_mask_are_missing():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 0.1
    x0hat, target = images(seed=2), images(seed=1)
    assert torch.equal(
        LowPass(target, mask)(x0hat, at(0)), LowPass(target, mask.ceil())(x0hat, at(0))
    )


def test_an_empty_mask_changes_nothing():
    x0hat, target = images(seed=2), images(seed=1)
    masked = LowPass(target, torch.zeros(1, 1, 64, 64))(x0hat, at(0))
    assert_same(masked, LowPass(target)(x0hat, at(0)))


def test_contractions_chain():
    # The second keeps coarser frequencies only, so the first's finer ones survive it.
    first, second = LowPass(images(seed=1), factor=4), LowPass(images(seed=2), factor=16)
    found = second(first(images(), at(0)), at(0))
    assert_same(LowPassFilter(factor=16)(found), LowPassFilter(factor=16)(images(seed=2)), WINDOW)


@pytest.mark.parametrize(
    "values",
    [
        {"factor": 0.5},
        {"noisy_factor": 0.5},
        {"weight": 1.5},
        {"kernel": "lanczos"},
        {"until": -1},
        {"until": 2.5},
        {"mask": torch.zeros(1, 64, 64)},
        {"target": torch.full((1, 3, 64, 64), float("nan"))},
        {"target": torch.zeros(1, 1, 64, 64)},
    ],
)
def test_unusable_values_are_refused(values):
    with pytest.raises(InvalidInputError):
        LowPass(values.pop("target", images()), **values)


@pytest.mark.parametrize("other", [(1, 32), (3, 64)])
def test_another_size_or_batch_is_refused_in_words(other):
    batch, size = other
    with pytest.raises(InvalidInputError, match="one or 2 of 64x64"):
        LowPass(images(batch, size))(images(), at(0))
    with pytest.raises(InvalidInputError, match="mask"):
        LowPass(images(), torch.zeros(batch, 1, size, size))(images(), at(0))

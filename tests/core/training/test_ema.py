"""Averages of weights, against sums by hand."""

import pytest
import torch
from torch import nn

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.training.ema import PlainAverage, PowerAverage, make_average, power_exponent


class Number(nn.Module):
    def __init__(self, value=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([value]))
        self.register_buffer("count", torch.tensor(0))

    def set(self, value):
        self.weight.data.fill_(value)
        self.count += 1


def test_exponents_give_the_papers_widths_back():
    for std in (0.05, 0.1, 0.25):
        gamma = power_exponent(std)
        variance = (gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3))
        assert variance == pytest.approx(std**2, rel=1e-9)
    assert power_exponent(0.1) == pytest.approx(6.94, abs=0.01)  # EDM2, table of section 3.1
    with pytest.raises(InvalidInputError, match=r"0 to 0\.28"):
        power_exponent(0.3)


def test_power_average_is_the_weighted_mean():
    module = Number()
    average = PowerAverage(module, 0.1)
    average.gamma = 1.0  # then the weights are nearly t
    for step in range(1, 201):
        module.set(float(step))
        average.update(module, 10 * step, 10)
    # Integral of t * t over integral of t: 2/3 of the last value.
    assert float(average.module.weight) == pytest.approx(200 * 2 / 3, rel=0.01)
    assert int(average.module.count) == 200


def test_power_average_forgets_the_initial_weights_at_once():
    module = Number(100.0)
    average = PowerAverage(module, 0.1)
    module.set(1.0)
    average.update(module, 32, 32)
    assert float(average.module.weight) == 1.0


def test_plain_average_by_hand():
    module = Number(0.0)
    average = PlainAverage(module, halflife=20, rampup=1.0)
    module.set(1.0)
    average.update(module, 1000, 10)
    assert float(average.module.weight) == pytest.approx(1 - 0.5**0.5)
    average.update(module, 1010, 10)
    assert float(average.module.weight) == pytest.approx(0.5)


def test_plain_average_is_short_while_the_run_is_young():
    average = PlainAverage(Number(), halflife=1000, rampup=0.1)
    assert average.beta(100, 10) == pytest.approx(0.5)  # a half-life of 10 images
    assert average.beta(100_000, 10) == pytest.approx(0.5**0.01)


def test_the_average_is_frozen_and_apart():
    module = Number(1.0)
    average = make_average(module, None, 100)
    assert isinstance(average, PlainAverage)
    assert isinstance(make_average(module, 0.1, 100), PowerAverage)
    module.set(5.0)
    assert float(average.module.weight) == 1.0
    assert not average.module.weight.requires_grad

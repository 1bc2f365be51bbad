"""Annotated parameters: stated once, read by nodes, enforced for Python callers."""

import math
from typing import Annotated

import numpy as np
import pytest

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.parameters import Param, check_parameters, parameters_of

STRENGTH = Param(0.0, 2.0, 0.1, "per step", tooltip="How much.")
STEPS = Param(1, 1000, 1)
MODE = Param(choices=("constant", "dynamic"))


class Member:
    def __init__(
        self,
        network: object,
        strength: Annotated[float, STRENGTH] = 0.5,
        steps: Annotated[int, STEPS] = 4,
        mode: Annotated[str, "unrelated", MODE] = "dynamic",
        on: Annotated[bool, Param(tooltip="Switch.")] = True,
    ):
        pass


class Bare:
    pass


def test_only_annotated_parameters_in_their_order():
    found = parameters_of(Member)
    assert [(p.name, p.type, p.default) for p in found] == [
        ("strength", float, 0.5),
        ("steps", int, 4),
        ("mode", str, "dynamic"),
        ("on", bool, True),
    ]
    assert [p.param for p in found[:3]] == [STRENGTH, STEPS, MODE]


def test_a_class_without_a_constructor_has_none():
    assert parameters_of(Bare) == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"strength": 0.0, "steps": 1, "mode": "constant", "on": False},
        {"strength": 2, "steps": 1000},
        {"strength": np.float32(0.5), "steps": np.int64(3)},
        {"network": "anything"},
    ],
)
def test_values_in_range_pass(values):
    check_parameters(Member, values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strength": 2.1}, r"strength must be a number from 0 to 2 per step, not 2\.1"),
        ({"strength": -1e-9}, "strength must be"),
        ({"strength": math.nan}, "not nan"),
        ({"strength": math.inf}, "not inf"),
        ({"strength": "much"}, "not 'much'"),
        ({"strength": None}, "not None"),
        ({"steps": 0}, "steps must be a number from 1 to 1000, not 0"),
        ({"steps": 2.5}, r"steps must be a whole number, not 2\.5"),
        ({"mode": "other"}, "mode must be one of constant, dynamic, not 'other'"),
    ],
)
def test_values_out_of_range_are_named(values, message):
    with pytest.raises(InvalidInputError, match=message):
        check_parameters(Member, values)


def test_an_unbounded_parameter_still_has_to_be_finite():
    Param().check("x", 1e30)
    with pytest.raises(InvalidInputError):
        Param().check("x", math.inf)

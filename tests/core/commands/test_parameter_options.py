"""Options out of annotated parameters."""

import argparse
from typing import Annotated

import pytest

from pdgrad_core.commands.parameter_options import add_parameter, values_of
from pdgrad_core.parameters import Param, parameters_of


class Member:
    def __init__(
        self,
        bright: Annotated[bool, Param(tooltip="On by default.")] = True,
        dark: Annotated[bool, Param(tooltip="Off by default.")] = False,
    ): ...


@pytest.mark.parametrize(
    ("words", "bright", "dark"),
    [
        ([], None, None),
        (["--no-bright"], False, None),
        (["--bright", "--dark"], True, True),
    ],
)
def test_a_switch_that_is_on_can_be_switched_off(words, bright, dark):
    parser = argparse.ArgumentParser()
    parameters = parameters_of(Member)
    for parameter in parameters:
        add_parameter(parser, parameter)
    assert values_of(parser.parse_args(words), parameters) == {"bright": bright, "dark": dark}

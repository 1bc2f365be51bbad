"""Annotations for the tunable constructor parameters of a family's members.

`Annotated[float, Param(...)]` states range, step, unit and tooltip once; the ComfyUI nodes build
their inputs from it and `check` enforces the range for Python callers::

    def __init__(self, weight: Annotated[float, Param(0.0, 1e6, 0.01, tooltip="...")] = 1.0): ...
"""

import inspect
import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, get_args, get_origin, get_type_hints

from .errors import InvalidInputError


@dataclass(frozen=True)
class Param:
    """Range, unit and explanation of one numeric or enumerated parameter.

    Attributes:
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        step: Step of a slider.
        unit: Unit as shown to users, empty for a pure number.
        tooltip: One sentence for users.
        choices: The allowed values of an enumerated parameter.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    step: float = 0.01
    unit: str = ""
    tooltip: str = ""
    choices: tuple[str, ...] = ()

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidInputError unless `value` is finite and in range (or one of the choices)."""
        if self.choices:
            if value not in self.choices:
                raise InvalidInputError(
                    f"{name} must be one of {', '.join(self.choices)}, not {value!r}."
                )
            return
        if isinstance(value, bool):
            return
        number = isinstance(value, Real) and math.isfinite(value)
        if not number or not self.minimum <= float(value) <= self.maximum:
            raise InvalidInputError(
                f"{name} must be a number from {self.minimum:g} to {self.maximum:g}"
                f"{' ' + self.unit if self.unit else ''}, not {value!r}."
            )


@dataclass(frozen=True)
class Parameter:
    """One annotated constructor parameter: its name, Python type, default and `Param`."""

    name: str
    type: type
    default: Any
    param: Param


def parameters_of(cls: type) -> list[Parameter]:
    """Return the `Param`-annotated constructor parameters of `cls`, in order of declaration."""
    init = cls.__init__
    hints = get_type_hints(init, include_extras=True)
    found: list[Parameter] = []
    for name, parameter in inspect.signature(init).parameters.items():
        hint = hints.get(name)
        if hint is None or not hasattr(hint, "__metadata__"):
            continue
        kind = get_args(hint)[0]
        kind = get_origin(kind) or kind
        found.extend(
            Parameter(name, kind, parameter.default, extra)
            for extra in hint.__metadata__
            if isinstance(extra, Param)
        )
    return found


def check_parameters(cls: type, values: dict[str, Any]) -> None:
    """Check the given constructor values of `cls` against their annotations.

    Raises:
        InvalidInputError: A value is out of range, not finite, no whole number where one is asked
            for, or not among the choices.
    """
    for parameter in parameters_of(cls):
        if parameter.name not in values:
            continue
        value = values[parameter.name]
        parameter.param.check(parameter.name, value)
        if parameter.type is int and value != int(value):
            raise InvalidInputError(f"{parameter.name} must be a whole number, not {value!r}.")

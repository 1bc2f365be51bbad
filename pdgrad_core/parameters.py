"""Annotations for the tunable constructor parameters of a family's members.

`Annotated[float, Param(...)]` states range, step, unit and tooltip once; the ComfyUI nodes build
their inputs from it and `check` enforces the range for Python callers::

    def __init__(self, weight: Annotated[float, Param(0.0, 1e6, 0.01, tooltip="...")] = 1.0): ...
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .errors import InvalidInputError
from .registry import unknown_name


@dataclass(frozen=True)
class Param:
    """Range, unit and explanation of one parameter: a number, several, a switch or a choice.

    Attributes:
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        step: Step of a slider.
        unit: Unit as shown to users, empty for a pure number.
        tooltip: One sentence for users.
        choices: The allowed values of an enumerated parameter.
        what: What an unknown choice is said to be no ("combiner"), where a name is chosen.
        flag: Name of its command-line option, without dashes, where it is not the parameter's.
        lacking: What a family's member without this parameter is said to lack, as a predicate
            ("enlarges nothing"), where somebody gives it all the same.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    step: float = 0.01
    unit: str = ""
    tooltip: str = ""
    choices: tuple[str, ...] = ()
    what: str = ""
    flag: str = ""
    lacking: str = ""

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidInputError unless `value` is finite and in range (or one of the choices).

        Of several numbers, or numbers by name, each is checked.
        """
        if isinstance(value, Mapping | tuple | list):
            several = value.values() if isinstance(value, Mapping) else value
            for one in several:
                self.check(name, one)
            return
        if self.choices:
            if value not in self.choices:
                if self.what:
                    raise unknown_name(self.what, str(value), list(self.choices))
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
        kind = _plain(get_args(hint)[0])
        found.extend(
            Parameter(name, kind, parameter.default, extra)
            for extra in hint.__metadata__
            if isinstance(extra, Param)
        )
    return found


def _plain(kind: Any) -> type:
    """Return a type without its arguments; names out of a fixed set are text."""
    origin = get_origin(kind)
    return str if origin is Literal else origin or kind


def parameters_at(member: Any) -> list[Parameter]:
    """Return the parameters of an instance's class, with the instance's values as defaults."""
    return [replace(one, default=getattr(member, one.name)) for one in parameters_of(type(member))]


def accepted(cls: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that a constructor takes, by the names of its arguments."""
    known = inspect.signature(cls).parameters
    return {name: value for name, value in values.items() if name in known}


def check_parameters(cls: type, values: Mapping[str, Any]) -> None:
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

"""Command-line options from annotated parameters: name, type, range and help stand there once."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, PluginError

if TYPE_CHECKING:
    from ..parameters import Parameter


def add_parameter(group: Any, parameter: "Parameter", of: Sequence[str] = ()) -> None:
    """Add the option of one parameter; its default is None, which takes the member's own value.

    Args:
        group: A parser or one of its groups.
        parameter: What it sets.
        of: Who has the parameter, where not everybody has it.

    Raises:
        PluginError: The command has an option of this name.
    """
    options: dict[str, Any] = {"dest": parameter.name, "default": None}
    if issubclass(parameter.type, Mapping):
        options |= {"action": "append", "metavar": "NAME=NUMBER"}
    elif parameter.type is tuple:
        options |= {"nargs": 2, "type": int, "metavar": ("LOW", "HIGH")}
    elif parameter.type is bool:
        # What is on by default needs a way to be switched off: --no-NAME.
        on = bool(parameter.default)
        options["action"] = argparse.BooleanOptionalAction if on else "store_true"
    else:
        options |= {"type": _type_of(parameter), "metavar": _METAVARS.get(parameter.type, "NAME")}
    try:
        group.add_argument(_flag(parameter), help=_help(parameter, of), **options)
    except argparse.ArgumentError:
        raise PluginError(
            f"The parameter {parameter.name!r} of {', '.join(of) or 'every member'} would be the "
            f"option {_flag(parameter)}, which this command has already; give its Param another "
            "flag."
        ) from None


def values_of(args: argparse.Namespace, parameters: Iterable["Parameter"]) -> dict[str, Any]:
    """Return what was given for parameters, by name; None where nothing was.

    Raises:
        InvalidInputError: Numbers by name are not written NAME=NUMBER.
    """
    found: dict[str, Any] = {}
    for parameter in parameters:
        value = getattr(args, parameter.name)
        if value is not None and issubclass(parameter.type, Mapping):
            value = _by_name(_flag(parameter), value)
        elif isinstance(value, list):
            value = tuple(value)  # pyright: ignore[reportUnknownVariableType]
        found[parameter.name] = value
    return found


_METAVARS = {int: "N", float: "X", str: "NAME"}


def _flag(parameter: "Parameter") -> str:
    return "--" + (parameter.param.flag or parameter.name).replace("_", "-")


def _type_of(parameter: "Parameter") -> type:
    return parameter.type if parameter.type in (int, float) else str


def _help(parameter: "Parameter", of: Sequence[str]) -> str:
    param = parameter.param
    text = param.tooltip.rstrip(".")
    choices = [choice for choice in param.choices if choice]
    if choices:
        text += f" ({', '.join(choices)})"
    if of:
        shown = ", ".join(of[:3]) + (", ..." if len(of) > 3 else "")
        text += f" [{shown}]"
    return text.replace("%", "%%")


def _by_name(flag: str, texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise InvalidInputError(f"{flag} takes NAME=NUMBER, not {text!r}.") from None
    return found

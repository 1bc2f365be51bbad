"""Inputs: every number with its unit, range, step and rounding, every input with a tooltip."""

import difflib
import re
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.parameters import Parameter, parameters_of


def real(
    name: str,
    default: float,
    limits: tuple[float, float],
    step: float,
    tooltip: str,
    unit: str = "",
    optional: bool = False,
) -> Any:
    """Return a FLOAT input.

    Args:
        name: Its id.
        default: Initial value.
        limits: Smallest and largest value.
        step: Of the widget's arrows; values are kept to a hundredth of it. Without a rounding the
            host rounds API workflows' values to whole numbers.
        tooltip: One sentence for users.
        unit: Named at the end of the tooltip.
        optional: Whether a workflow may leave it out.
    """
    return io.Float.Input(
        name,
        default=default,
        min=limits[0],
        max=limits[1],
        step=step,
        round=float(f"{step / 100:.6g}"),
        tooltip=_with_unit(tooltip, unit, limits),
        optional=optional,
    )


def whole(
    name: str,
    default: int,
    limits: tuple[int, int],
    tooltip: str,
    unit: str = "",
    step: int = 1,
    seed: bool = False,
    optional: bool = False,
) -> Any:
    """Return an INT input; a seed gets the host's randomise control."""
    return io.Int.Input(
        name,
        default=default,
        min=limits[0],
        max=limits[1],
        step=step,
        control_after_generate=True if seed else None,
        tooltip=tooltip if seed else _with_unit(tooltip, unit, limits),
        optional=optional,
    )


def seed(tooltip: str) -> Any:
    """Return the seed input, as the host's own samplers have it."""
    return whole("seed", 0, (0, 0xFFFFFFFFFFFFFFFF), tooltip, seed=True)


def choice(
    name: str, options: list[str], default: str, tooltip: str, optional: bool = False
) -> Any:
    """Return a COMBO input."""
    return io.Combo.Input(
        name, options=options, default=default, tooltip=tooltip, optional=optional
    )


def switch(name: str, default: bool, tooltip: str, optional: bool = False) -> Any:
    """Return a BOOLEAN input."""
    return io.Boolean.Input(name, default=default, tooltip=tooltip, optional=optional)


def text(
    name: str, default: str, tooltip: str, multiline: bool = False, optional: bool = False
) -> Any:
    """Return a STRING input."""
    return io.String.Input(
        name, default=default, tooltip=tooltip, multiline=multiline, optional=optional
    )


def check_choices(node: Any, **chosen: str | None) -> bool | str:
    """Answer the host's `validate_inputs`: whether each choice is one that the node offers.

    The host of version 0.3.64 does not look at the choices of nodes like ours.

    Args:
        node: The node class.
        **chosen: Value by input id; None where the input is connected.
    """
    offered = {one.id: one for one in node.define_schema().inputs}
    for name, value in chosen.items():
        options = options_of(offered[name]) or []
        if value is not None and value not in options:
            near = difflib.get_close_matches(str(value), options, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            return f"{name} cannot be {value!r}.{hint} It can be {', '.join(options)}."
    return True


def check_ranges(node: Any, **given: Any) -> bool | str:
    """Answer the host's `validate_inputs`: whether numbers lie in their inputs' range.

    The host leaves an input to `validate_inputs` once that names it.

    Args:
        node: The node class.
        **given: Value by input id; what is no number is left alone.
    """
    offered = {one.id: one for one in node.define_schema().inputs}
    for name, value in given.items():
        limits = limits_of(offered[name]) if name in offered else None
        if limits is None or not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if not limits[0] <= value <= limits[1]:
            return f"{name} must be from {limits[0]:g} to {limits[1]:g}, not {value:g}."
    return True


def limits_of(one: Any) -> tuple[float, float] | None:
    """Return the smallest and largest value of a number's input; None for any other input."""
    held = getattr(one, "options", None)
    found = held if isinstance(held, dict) else vars(one)  # the stand-in keeps them in a dict
    low, high = found.get("min"), found.get("max")
    return None if low is None or high is None else (low, high)


def options_of(one: Any) -> list[str] | None:
    """Return what a COMBO input offers; None for any other input."""
    options = getattr(one, "options", None)
    if isinstance(options, dict):  # the stand-in for the host keeps every option there
        options = options.get("options")
    return None if options is None else list(options)


def parameter_inputs(member: type) -> list[Any]:
    """Return an input for each tunable parameter of a registered class.

    Args:
        member: The class; its constructor's `Param` annotations give range, unit and tooltip.
    """
    return [input_of(found) for found in parameters_of(member)]


def parameter_input(member: type, name: str) -> Any:
    """Return the input for one tunable parameter of a registered class."""
    return next(input_of(found) for found in parameters_of(member) if found.name == name)


def input_of(found: Parameter, name: str = "", optional: bool = False) -> Any:
    """Return the input for one tunable parameter.

    Args:
        found: The parameter.
        name: The input's id, where it is not the parameter's name.
        optional: Whether a workflow may leave it out: for inputs that were appended to a node.
    """
    param, name, tooltip = found.param, name or found.name, found.param.tooltip
    if is_list(found):
        return text(name, ", ".join(found.default), tooltip, optional=optional)
    if param.choices:
        return choice(name, list(param.choices), found.default, tooltip, optional)
    if found.type is bool:
        return switch(name, found.default, tooltip, optional)
    if found.type is str:
        return text(name, found.default, tooltip, optional=optional)
    if found.type is int:
        limits, step = (int(param.minimum), int(param.maximum)), max(1, int(param.step))
        return whole(name, found.default, limits, tooltip, param.unit, step, optional=optional)
    limits = (param.minimum, param.maximum)
    return real(name, found.default, limits, param.step, tooltip, param.unit, optional)


def is_list(found: Parameter) -> bool:
    """Return whether a parameter is several names, which a node takes as text."""
    return found.type is Sequence


def parse_list(found: Parameter, written: str) -> list[str]:
    """Read names written with commas or spaces.

    Raises:
        UnknownNameError: One is not among the parameter's choices.
        InvalidInputError: There is none, or one comes twice.
    """
    names = [name for name in re.split(r"[,;\s]+", written) if name]
    found.param.check(found.name, names)
    if not names or len(set(names)) < len(names):
        what = found.param.what or "name"
        raise InvalidInputError(f"{found.name} needs at least one {what}, each once.")
    return names


def _with_unit(tooltip: str, unit: str, limits: tuple[float, float]) -> str:
    span = f"{limits[0]:g} to {limits[1]:g}"
    return f"{tooltip} [{span} {unit}]" if unit else f"{tooltip} [{span}]"

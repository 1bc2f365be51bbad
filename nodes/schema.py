"""Inputs: every number with its unit, range, step and rounding, every input with a tooltip."""

import difflib
from typing import Any

from comfy_api.latest import io

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
    )


def seed(tooltip: str) -> Any:
    """Return the seed input, as the host's own samplers have it."""
    return whole("seed", 0, (0, 0xFFFFFFFFFFFFFFFF), tooltip, seed=True)


def choice(name: str, options: list[str], default: str, tooltip: str) -> Any:
    """Return a COMBO input."""
    return io.Combo.Input(name, options=options, default=default, tooltip=tooltip)


def switch(name: str, default: bool, tooltip: str) -> Any:
    """Return a BOOLEAN input."""
    return io.Boolean.Input(name, default=default, tooltip=tooltip)


def text(name: str, default: str, tooltip: str, multiline: bool = False) -> Any:
    """Return a STRING input."""
    return io.String.Input(name, default=default, tooltip=tooltip, multiline=multiline)


def check_choices(node: Any, **chosen: str | None) -> bool | str:
    """Answer the host's `validate_inputs`: whether each choice is one that the node offers.

    The host of version 0.3.64 does not look at the choices of nodes like ours.

    Args:
        node: The node class.
        **chosen: Value by input id; None where the input is connected.
    """
    offered = {one.id: one for one in node.define_schema().inputs}
    for name, value in chosen.items():
        options = offered[name].options
        options = options["options"] if isinstance(options, dict) else options
        if value is not None and value not in options:
            near = difflib.get_close_matches(str(value), options, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            return f"{name} cannot be {value!r}.{hint} It can be {', '.join(options)}."
    return True


def parameter_inputs(member: type, *, skip: tuple[str, ...] = ()) -> list[Any]:
    """Return an input for each tunable parameter of a registered class.

    Args:
        member: The class; its constructor's `Param` annotations give range, unit and tooltip.
        skip: Parameters that the node gets another way.
    """
    return [_input_of(found) for found in parameters_of(member) if found.name not in skip]


def parameter_input(member: type, name: str) -> Any:
    """Return the input for one tunable parameter of a registered class."""
    return next(_input_of(found) for found in parameters_of(member) if found.name == name)


def _input_of(found: Parameter) -> Any:
    param = found.param
    if param.choices:
        return choice(found.name, list(param.choices), found.default, param.tooltip)
    if found.type is bool:
        return switch(found.name, found.default, param.tooltip)
    if found.type is int:
        limits = (int(param.minimum), int(param.maximum))
        step = max(1, int(param.step))
        return whole(found.name, found.default, limits, param.tooltip, param.unit, step)
    limits = (param.minimum, param.maximum)
    return real(found.name, found.default, limits, param.step, param.tooltip, param.unit)


def _with_unit(tooltip: str, unit: str, limits: tuple[float, float]) -> str:
    span = f"{limits[0]:g} to {limits[1]:g}"
    return f"{tooltip} [{span} {unit}]" if unit else f"{tooltip} [{span}]"

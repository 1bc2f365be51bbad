"""Node classes made from a family's members: their choices are checked, their ids stay."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.errors import PDGradError
from . import schema
from .checked import answered_once


def node_name(member: str, card_node: str, kind: str) -> str:
    """Return a node's id without the pack's prefix: the card's, or one made of the name."""
    if card_node:
        return card_node
    words = "".join(word.capitalize() for word in member.split("_"))
    return words if words.endswith(kind) else words + kind


def title_of(member: str, card_title: str, kind: str) -> str:
    """Return a node's title: the card's, or one made of the member's name."""
    words = " ".join(word.capitalize() for word in member.split("_"))
    return card_title or (words if words.endswith(kind) else f"{words} {kind}")


def first_sentence(member: type) -> str:
    """Return the first paragraph of a class's docstring as one line."""
    text = inspect.getdoc(member) or member.__name__
    return " ".join(text.split("\n\n")[0].split())


def make_node(name: str, base: type[io.ComfyNode], members: dict[str, Any]) -> type[io.ComfyNode]:
    """Return a subclass of a node with other class attributes; the host sees an ordinary class."""
    made: Any = type(name, (base,), {"__module__": base.__module__, "__doc__": base.__doc__})
    for key, value in members.items():
        setattr(made, key, value)
    checked = [one.id for one in made.define_schema().inputs if _is_checked(made, one)]
    if checked:
        made.validate_inputs = _validator(checked)
    return made


def _is_checked(node: Any, one: Any) -> bool:
    return schema.options_of(one) is not None or one.id in getattr(node, "CHECKS", {})


def _validator(names: Sequence[str]) -> Any:
    """Return a `validate_inputs` for these inputs, by name.

    The host reads off the signature which values it has to hand over.
    """
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("cls", *names)
    ]
    signature = inspect.Signature(parameters)

    def validate_inputs(cls: Any, *args: Any, **chosen: Any) -> bool | str:
        given = signature.bind(cls, *args, **chosen).arguments
        given.pop("cls")
        checks: dict[str, Callable[[Any], Any]] = getattr(cls, "CHECKS", {})
        for name, check in checks.items():
            if given.get(name) is not None:
                try:
                    check(given[name])
                except PDGradError as error:
                    return f"{name}: {error}"
        choices = {name: value for name, value in given.items() if name not in checks}
        return schema.check_choices(cls, **choices)

    validate_inputs.__signature__ = signature  # type: ignore[attr-defined]
    validate_inputs.__doc__ = "Refuse unknown choices before anything runs."
    return classmethod(answered_once(validate_inputs))

"""What is evaluated: recipes with their numbers, and the pictures that are there without them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...errors import InvalidInputError
from ...parameters import Parameter
from ...recipes import Recipe, recipe

DEGRADED, REFERENCE, COARSE = "degraded", "reference", "coarse"
PICTURES = (DEGRADED, REFERENCE, COARSE)
"""The rows that no recipe makes."""


@dataclass(frozen=True)
class Method:
    """One row of an evaluation.

    Attributes:
        name: As it was asked for, such as "pdgrad:tau=350", or one of `PICTURES`.
        recipe: With its numbers; None for a picture.
    """

    name: str
    recipe: Recipe | None = None

    def folder(self, made_by: Mapping[str, str]) -> str:
        """Return a name for its results: other for other numbers or other networks.

        Args:
            made_by: Digest of each weight file, by role.
        """
        numbers = None if self.recipe is None else asdict(self.recipe)
        text = json.dumps([numbers, dict(made_by)], default=str, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{self.name.partition(':')[0]}-{digest}"


def parse_methods(texts: Sequence[str], shared: Mapping[str, Any]) -> list[Method]:
    """Return the methods of texts such as "pdgrad" or "pdgrad:tau=350,strength=0.1".

    Args:
        texts: A recipe's name, and after a colon some of its parameters.
        shared: Parameters of all recipes; a text's own win.

    Raises:
        UnknownNameError: There is no such recipe.
        InvalidInputError: A recipe has no such parameter, a value is of no use to it, or two
            methods have one name.
    """
    methods = [Method(text, _configured(text, shared)) for text in texts]
    for place, method in enumerate(methods):
        if method.name in [other.name for other in methods[:place]]:
            raise InvalidInputError(f"The recipe {method.name!r} is given twice; leave one out.")
    return methods


def _configured(text: str, shared: Mapping[str, Any]) -> Recipe:
    name, _, numbers = text.partition(":")
    row = recipe(name)
    known = {one.name: one for one in row.parameters()}
    values: dict[str, Any] = {key: value for key, value in shared.items() if value is not None}
    for part in filter(None, numbers.split(",")):
        key, found, value = part.partition("=")
        if not found:
            raise InvalidInputError(f"{text!r}: expected NAME=VALUE after the colon, not {part!r}.")
        values[key] = _value(known[key], value, text) if key in known else value
    return row.configured(values)


def _value(parameter: Parameter, value: str, text: str) -> Any:
    """Return a parameter's value from what was typed; several are written 1/2 or a/1/b/2."""
    parts: list[Any] = value.split("/")
    try:
        if parameter.type is bool:
            return {"true": True, "false": False}[value.lower()]
        if issubclass(parameter.type, Mapping):
            return {key: float(number) for key, number in zip(parts[::2], parts[1::2], strict=True)}
        if parameter.type is tuple:
            return tuple(int(part) for part in parts)
        return parameter.type(value)
    except (KeyError, ValueError) as error:
        raise InvalidInputError(f"{text!r}: {value!r} is no value for {parameter.name}.") from error

"""A study in the words of `pdgrad evaluate`: its rows as methods, its faces as folders."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..images import save_image
from ..recipes import RECIPES, Recipe
from ..runs import Process
from .faces import COARSE, FaceSet
from .rows import Choice, Row

STATED = ("tau", "steps", "strength")
"""Said even where a recipe's own number is the same: that may change, a study's may not."""


def method_of(row: Row, choice: Choice | None) -> str:
    """Return what `pdgrad evaluate --recipes` calls a row with these numbers.

    Args:
        row: The row.
        choice: Its numbers; None for a picture.

    Returns:
        Such as "pdgrad:tau=350,steps=40,strength=0.2"; empty for a picture, and for what no recipe
        does alone.
    """
    if choice is None:
        return ""
    if row.alone is not None:
        numbers = {one.name: getattr(choice, one.name) for one in fields(Process)}
        return text_of(replace(row.alone, **numbers))
    own = row.contraction or row.networks or row.start != COARSE or row.coarse != COARSE
    return "" if own else text_of(choice)


def text_of(wanted: Recipe) -> str:
    """Return a recipe as its name and what differs from the one that is registered.

    Args:
        wanted: Any recipe.

    Returns:
        Text that `parse_methods` reads; empty where no text says it.
    """
    base = RECIPES.members.get(wanted.name)
    if base is None or type(base) is not type(wanted):
        return ""
    changed = {
        one.name: getattr(wanted, one.name)
        for one in fields(wanted)
        if getattr(wanted, one.name) != getattr(base, one.name)
    }
    known = {one.name for one in wanted.parameters()}
    values = {name: getattr(wanted, name) for name in STATED}
    values |= {name: value for name, value in changed.items() if name in known}
    properties = {name: value for name, value in changed.items() if name not in known}
    if properties:
        # What is no parameter of PGDiff's recipes is a property, and weighted by its name.
        values["weights"] = {**values.get("weights", {}), **properties}
    try:
        made = base.configured(values)
    except InvalidInputError:
        return ""
    if "weights" in values:
        made = replace(made, weights=getattr(wanted, "weights"))  # noqa: B009
    if made != wanted:
        return ""
    numbers = ",".join(f"{name}={_written(value)}" for name, value in values.items())
    return f"{wanted.name}:{numbers}"


def _written(value: Any) -> str:
    """Return a value as a method's text has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs: Mapping[str, float] = value
        return "/".join(f"{name}/{number:g}" for name, number in pairs.items())
    if isinstance(value, tuple):
        return "/".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return f"{value:g}" if isinstance(value, float) else str(value)


def write_faces(faces: FaceSet, folder: Path) -> list[Path]:
    """Write a study's faces as `pdgrad evaluate` reads them, 8 bits a channel.

    Args:
        faces: Of a degree.
        folder: Gets truth/, degraded/ and references/; a face has the same name in each, which
            begins with its person's.

    Returns:
        The three folders.
    """
    pictures = {
        "truth": faces.pairs.truth,
        "degraded": faces.degraded,
        "references": faces.pairs.reference,
    }
    for name, images in pictures.items():
        for number, (image, person) in enumerate(
            zip(images, faces.pairs.person.tolist(), strict=True)
        ):
            save_image(image, folder / name / f"{person}_{number:05d}.png")
    return [folder / name for name in pictures]

"""How restored faces are laid back: the options of `pdgrad restore`."""

import argparse
from typing import TYPE_CHECKING

from ..parameters import parameters_of
from .parameter_options import add_parameter, values_of

if TYPE_CHECKING:
    from ..alignment import PasteSettings
    from ..recipes import Recipe


def add_paste_options(parser: argparse.ArgumentParser) -> None:
    """Enter the options; each has the name of a field of `PasteSettings`."""
    from ..alignment import PasteSettings

    group = parser.add_argument_group("pasting")
    for parameter in parameters_of(PasteSettings):
        add_parameter(group, parameter)


def paste_settings_of(args: argparse.Namespace, recipe: "Recipe") -> "PasteSettings":
    """Return what was chosen.

    Args:
        args: The parsed command line.
        recipe: One that gives colours keeps them, unless matching is asked for.

    Raises:
        InvalidInputError: A value out of range, or no such outline.
    """
    from ..alignment import PasteSettings

    given = values_of(args, parameters_of(PasteSettings))
    chosen = {name: value for name, value in given.items() if value is not None}
    if recipe.takes_style:
        chosen.setdefault("match_colors", False)
    return PasteSettings(**chosen)

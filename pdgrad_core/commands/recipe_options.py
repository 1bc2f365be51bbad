"""The options that recipes bring: every recipe's parameters, whoever wrote it."""

import argparse
from typing import TYPE_CHECKING, Any

from .parameter_options import add_parameter, values_of

if TYPE_CHECKING:
    from ..parameters import Parameter
    from ..settings import Settings


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add --recipe, --seed, and an option for every parameter of any recipe."""
    group = parser.add_argument_group("method")
    add_recipe_choice(group)
    group.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same result")
    shared, special = _parameters()
    for parameter in shared:
        add_parameter(group, parameter)
    group = parser.add_argument_group("parameters of some recipes")
    for parameter, owners in special:
        add_parameter(group, parameter, owners)


def add_recipe_choice(group: Any) -> None:
    """Add --recipe to a parser or one of its groups."""
    from ..recipes import DEFAULT_RECIPE, RECIPES

    titles = "; ".join(f"{name}: {row.title}" for name, row in RECIPES.members.items())
    group.add_argument(
        "--recipe",
        default=DEFAULT_RECIPE,
        metavar="NAME",
        help=f"which method, {DEFAULT_RECIPE} by default. {titles}".replace("%", "%%"),
    )


def settings_of(args: argparse.Namespace) -> "Settings":
    """Return what the options of `add_recipe_options` chose.

    Raises:
        InvalidInputError: A value cannot be understood.
    """
    from ..settings import Settings

    shared, special = _parameters()
    parameters = [*shared, *(parameter for parameter, _ in special)]
    return Settings(args.recipe, seed=args.seed, **values_of(args, parameters))


def _parameters() -> "tuple[list[Parameter], list[tuple[Parameter, list[str]]]]":
    """Return the parameters that every recipe has, and the others with the names of who has them.

    Where recipes differ in what they say of a parameter, the first one's word stands.
    """
    from ..recipes import RECIPES

    first: dict[str, Parameter] = {}
    owners: dict[str, list[str]] = {}
    for name, row in RECIPES.members.items():
        for parameter in row.parameters():
            first.setdefault(parameter.name, parameter)
            owners.setdefault(parameter.name, []).append(name)
    everybody = len(RECIPES)
    shared = [first[name] for name, having in owners.items() if len(having) == everybody]
    special = [(first[name], having) for name, having in owners.items() if len(having) < everybody]
    return shared, special

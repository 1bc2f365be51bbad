"""What a user chose, before it is known whether it fits: a recipe's name, and some parameters."""

from typing import Any

from .recipes import DEFAULT_RECIPE, Recipe, recipe


class Settings:
    """What a user chose: a recipe by name, and some of its parameters.

    `resolved` gives the recipe with everything filled in, which is another type.

    Args:
        recipe: Key in `RECIPES`.
        seed: Of the first image; the next images take the next numbers.
        **values: The recipe's parameters by name (`tau`, `steps`, `strength`, ...); None takes the
            recipe's own value.
    """

    def __init__(self, recipe: str = DEFAULT_RECIPE, *, seed: int = 0, **values: Any) -> None:
        self.recipe = recipe
        self.seed = seed
        self.values = {name: value for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        given = {"seed": self.seed, **self.values}
        return f"Settings({self.recipe!r}, {', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def resolved(self) -> Recipe:
        """Return the recipe with these values.

        Raises:
            InvalidInputError: The recipe has no such parameter, or a value is of no use to it.
            UnknownNameError: A name is not known.
        """
        return recipe(self.recipe).configured(self.values)

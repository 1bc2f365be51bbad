"""No guidance: the prior alone, from the noised coarse image."""

from .base import RECIPES, Recipe

RECIPES.add(
    "none",
    Recipe(name="none", title="no guidance: the prior alone, from the noised coarse image"),
)

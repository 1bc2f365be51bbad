"""Recipes: whole methods as data, one file per paper, found by the command line and the nodes."""

from ..registry import discover
from .base import DEFAULT_RECIPE, RECIPES, Recipe, recipe
from .checks import check_guide_images, check_needs
from .inputs import GuideImages, Hints, Job

discover(__name__, __path__)

__all__ = [
    "DEFAULT_RECIPE",
    "RECIPES",
    "GuideImages",
    "Hints",
    "Job",
    "Recipe",
    "check_guide_images",
    "check_needs",
    "recipe",
]

"""A recipe of toys: the toy loss towards y_c, at a surgery with the pixels."""

from dataclasses import dataclass
from typing import Annotated

from ..combiners import COMBINERS
from ..guidance.terms import Surgery, Term
from ..losses import LOSSES
from ..parameters import Param
from .base import RECIPES, Recipe


@dataclass(frozen=True, kw_only=True)
class ToyRecipe(Recipe):
    """Pulls towards the coarse face in two ways."""

    amount: Annotated[float, Param(0.0, 5.0, 0.5, tooltip="How much of the toy.")] = 1.0

    @property
    def networks(self):
        return ("toy_network",)

    def guidance(self, images):
        toy = Term("toy", LOSSES["toy_loss"](), images.coarse, self.amount)
        pixels = Term("pixels", LOSSES["pixel"](), images.degraded)
        return Surgery("toys", toy, pixels, COMBINERS["toy_combiner"]())


RECIPES.add("toy_recipe", ToyRecipe(name="toy_recipe", title="a recipe of toys", tau=300, steps=3))

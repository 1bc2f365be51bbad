"""No guidance: the prior alone, from the noised coarse image; or the coarse image as it is."""

from dataclasses import dataclass
from typing import ClassVar

from ..parameters import Parameter
from .base import RECIPES, Recipe


@dataclass(frozen=True, kw_only=True)
class CoarseRecipe(Recipe):
    """y_c, and nothing else: no step is sampled, so nothing of sampling may be chosen."""

    samples: ClassVar[bool] = False

    def parameters(self) -> list[Parameter]:
        """Return what is left to choose; see `Recipe`."""
        return [one for one in super().parameters() if one.name == "keep_grey"]


RECIPES.add(
    "none",
    Recipe(name="none", title="no guidance: the prior alone, from the noised coarse image"),
)
RECIPES.add(
    "coarse",
    CoarseRecipe(name="coarse", title="the restorer's face as it is: no step, no reference"),
)

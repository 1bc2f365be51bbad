"""The rows of a study, as data: where sampling starts, what guides it, which numbers are tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from ..contractions import Contraction
from ..models.sets import ModelSet
from ..recipes import Recipe
from .faces import COARSE, FaceSet, Picture

Choice: TypeAlias = Recipe
"""The numbers that a row runs with: its recipe, with some of its fields changed."""

Change = Mapping[str, Any]
"""Other values for some fields of a recipe, by name."""

PINNED: Change = {
    "respacing": "",
    "stepper": "ddpm",
    "eta": 0.0,
    "strength_mode": "dynamic",
    "strength_scope": "image",
    "gradient_steps": 1,
    "gradient_window": (700, 1000),
    "references": "mean",
}
"""What a study's rows begin with beside tau, steps and strength, which they name themselves.

A recipe's default may change; the table that a study's command makes may not.
"""

Filter = Callable[[FaceSet, Tensor, Choice], Contraction]
"""Makes the contraction of some of the faces, by their numbers `(B,)`, for a run."""


@dataclass(frozen=True)
class Row:
    """One row of a study's tables.

    All rows with a recipe share the faces, the coarse image and the noise; they are run as the
    pipeline runs their recipe.

    Attributes:
        name: In the tables.
        title: In a few words.
        recipe: What guides, and the first numbers tried; None where nothing is restored, and
            `start` itself is scored.
        start: What is noised.
        contraction: A filter on x0hat beside the recipe's own; None for none.
        alone: The recipe that does the same without a filter beside it, for `pdgrad evaluate`.
        variants: What it is run with where it is not tuned: a result each.
        stages: Changes tried one after the other, each from the best so far; empty for no tuning.
        settings_of: The row whose numbers it takes, instead of being tuned itself.
        degrees: Names of the degrees that it is tested under; empty for all.
        coarse: The y_c that guides it.
        networks: Gives its networks from the study's, where it has others.
        weights: Files that it needs beside the study's, of the same folder, without ".safetensors".
    """

    name: str
    title: str
    recipe: Recipe | None = None
    start: Picture = COARSE
    contraction: Filter | None = None
    variants: tuple[Change, ...] = ({},)
    stages: tuple[tuple[Change, ...], ...] = ()
    settings_of: str = ""
    degrees: tuple[str, ...] = ()
    coarse: Picture = COARSE
    networks: Callable[[ModelSet], ModelSet] | None = None
    weights: tuple[str, ...] = ()
    alone: Recipe | None = None

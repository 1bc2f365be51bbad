"""Published settings as data: what each method guides with, and the numbers it runs with.

A recipe is an expression of losses and surgeries plus default numbers. `pdgrad` is the paper's
method; a1..a6 are its ablations, each one switch away; `pgdiff-...` are PGDiff's tasks; `difbfsr`
needs neither restorer nor reference, and `difbfsr+pdgrad` adds its contraction to PDGrad.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from .combiners import COMBINERS
from .difbfsr import CONTRACTION
from .errors import InvalidInputError
from .guidance.terms import Expression, MovingTarget, Sum, Surgery, Term
from .losses.identity import IdentityLoss
from .losses.perceptual import PerceptualLoss
from .pgdiff import PGDIFF_RECIPES, PGDiffParts
from .recipe_base import GuideImages, Recipe
from .registry import unknown_name

__all__ = [
    "RECIPES",
    "GuideImages",
    "PDGradParts",
    "Recipe",
    "recipe",
    "with_combiner",
    "with_weights",
]


@dataclass(frozen=True)
class PDGradParts:
    """The switches of PDGrad's objective: its ablations differ in one of them each.

    Source: PDGrad, L_low_a and L_high_a for a in {c, r}, and the surgery of each level.

    Attributes:
        combiner: Key in `COMBINERS`: "pdgrad", "projection" (A2), "sum" (A1), or one of torchjd's.
        low_identity: Whether L_low has d_arc on u_1..u_3 (off: A4).
        low_perceptual: Whether L_low has d_vgg on v_1..v_5 (off: A3).
        coarse: Whether the terms towards y_c take part (off: A6).
        reference: Whether the terms towards y_r take part (off: A5).
        low_reference_weight: Factor of L_low_r (a control: is surgery more than down-weighting?).
    """

    combiner: str = "pdgrad"
    low_identity: bool = True
    low_perceptual: bool = True
    coarse: bool = True
    reference: bool = True
    low_reference_weight: float = 1.0

    def __call__(self, images: GuideImages) -> Expression:
        """Return the guidance: low level pivots on y_c, high level on y_r."""
        references = images.references if self.reference else ()
        if self.reference and not references:
            raise InvalidInputError("This recipe needs at least one reference photo, not none.")
        low_c, high_c = self._low("low_c", images.coarse), _high("high_c", images.coarse)
        if not references:
            return Sum((low_c, high_c))
        share = 1 / len(references)
        names = [""] if len(references) == 1 else [str(i + 1) for i in range(len(references))]
        named = list(zip(names, references, strict=True))
        weights = (share,) * len(references)
        low_r = Sum(
            tuple(self._low(f"low_r{name}", image) for name, image in named),
            tuple(self.low_reference_weight * weight for weight in weights),
        )
        high_r = Sum(tuple(_high(f"high_r{name}", image) for name, image in named), weights)
        if not self.coarse:
            return Sum((low_r, high_r))
        if self.combiner == "sum":
            # What is only added needs no surgery, and goes back through each network once.
            return Sum((low_c, low_r, high_r, high_c))
        method = COMBINERS[self.combiner]
        return Sum(
            (Surgery("low", low_c, low_r, method()), Surgery("high", high_r, high_c, method()))
        )

    def _low(self, name: str, target: Tensor | MovingTarget) -> Expression:
        parts: list[Expression] = []
        if self.low_identity:
            parts.append(Term(f"{name}.arc", IdentityLoss("low"), target))
        if self.low_perceptual:
            parts.append(Term(f"{name}.vgg", PerceptualLoss(), target))
        return Sum(tuple(parts))


def _high(name: str, target: Tensor | MovingTarget) -> Term:
    return Term(f"{name}.arc", IdentityLoss("high"), target)


_ROWS = (
    Recipe("pdgrad", "PDGrad: pivot-direction gradient surgery", PDGradParts()),
    Recipe("a1", "A1: the plain sum of all terms", PDGradParts("sum")),
    Recipe("a2", "A2: projection without the length limit k", PDGradParts("projection")),
    Recipe("a3", "A3: only d_arc at the low level", PDGradParts(low_perceptual=False)),
    Recipe("a4", "A4: only d_vgg at the low level", PDGradParts(low_identity=False)),
    Recipe(
        "a5", "A5: only the coarse restoration", PDGradParts(reference=False), needs_reference=False
    ),
    Recipe("a6", "A6: only the reference", PDGradParts(coarse=False)),
    Recipe(
        "none",
        "no guidance: the prior alone, from the noised coarse image",
        None,
        False,
        networks=(),
    ),
    *PGDIFF_RECIPES,
    Recipe(
        "difbfsr",
        "DifBFSR: contraction towards an enlargement fitted to the photo alone",
        None,
        needs_reference=False,
        tau=500,
        steps=50,
        networks=(),
        restorer="none",
        from_noise=True,
        contraction=CONTRACTION,
    ),
    Recipe(
        "difbfsr+pdgrad",
        "DifBFSR's contraction and PDGrad's guidance together",
        PDGradParts(),
        contraction=CONTRACTION,
    ),
)

RECIPES: dict[str, Recipe] = {row.name: row for row in _ROWS}
"""The recipes by name."""


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        UnknownNameError: There is none of this name; the error suggests near ones.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, list(RECIPES))
    return RECIPES[name]


def with_combiner(row: Recipe, combiner: str) -> Recipe:
    """Return a PDGrad recipe with another surgery method, or PGDiff's with one of PDGrad's.

    Raises:
        InvalidInputError: The recipe has nothing between which there could be a surgery.
        UnknownNameError: There is no combiner of this name.
    """
    parts = row.build
    properties = isinstance(parts, PGDiffParts) and parts.has_others
    if not (properties or isinstance(parts, PDGradParts)):
        raise InvalidInputError(
            f"The recipe {row.name!r} has no gradient surgery whose method could be chosen."
        )
    _ = COMBINERS[combiner]
    assert isinstance(parts, PDGradParts | PGDiffParts)
    return replace(row, build=replace(parts, combiner=combiner))


def with_weights(row: Recipe, weights: Mapping[str, float]) -> Recipe:
    """Return a PGDiff recipe with other weights for some of its properties.

    Args:
        row: The recipe.
        weights: Factor by property, more than 0; empty leaves any recipe as it is.

    Raises:
        InvalidInputError: The recipe has no such property, or a weight is not a positive number.
    """
    if not weights:
        return row
    if not isinstance(row.build, PGDiffParts):
        raise InvalidInputError(
            f"The recipe {row.name!r} has no properties to be weighted; leave the weights out, or "
            "use one of PGDiff's recipes."
        )
    return replace(row, build=row.build.weighted(weights))

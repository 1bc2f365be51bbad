"""PGDiff's tasks: which properties each guides with, and its official code's numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from typing_extensions import Self

from ..combiners import COMBINERS, make_combiner
from ..errors import InvalidInputError
from ..guidance.targets import Target
from ..guidance.terms import Expression, Masked, Sum, Surgery, Term
from ..losses import Loss
from ..losses.adversarial import AdversarialLoss
from ..losses.color_statistics import ColorStatisticsLoss
from ..losses.identity import IdentityLoss
from ..losses.lightness import LightnessLoss
from ..losses.pixel import PixelLoss
from ..losses.squared_identity import SquaredIdentityLoss
from ..losses.squared_perceptual import SquaredPerceptualLoss
from ..parameters import Param
from ..runs import Steps, Strength, StrengthMode, Tau
from .base import RECIPES, MaskUse, Recipe
from .inputs import GuideImages
from .surgery import CombinerOptions

_PROPERTIES = ("smooth", "identity", "perceptual", "adversarial", "known", "lightness", "color")

PropertyCombiner = Annotated[
    str,
    Param(
        choices=("", *COMBINERS), what="combiner",
        tooltip="Surgery between the property that knows the photo and the others; empty: none.",
    ),
]  # fmt: skip
Weights = Annotated[
    Mapping[str, float],
    Param(
        step=0.01, flag="weight", lacking="has no properties to be weighted",
        tooltip="Another weight for one of the recipe's properties, as identity=640.",
    ),
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PGDiffRecipe(Recipe):
    """A sum of PGDiff's properties, each with its weight; one of weight 0 takes no part.

    Source: PGDiff section 4 and the defaults of its official code: from pure noise in 1000 steps.

    Attributes:
        smooth: Smooth semantics, towards y_c.
        identity: Identity, towards the references.
        cosine: Whether identity is the cosine distance instead of the squared one.
        perceptual: VGG features, towards y_c.
        adversarial: The discriminator's opinion.
        known: The known pixels of y.
        lightness: Lightness of y.
        old_photo: Whether the lightness is y_c's, on its known pixels, and no guidance acts where
            the mask is.
        color: Colour statistics.
        combiner: Key in `COMBINERS` for a surgery between the property that knows the photo
            (smooth, known or lightness: the pivot) and the others; empty: they are added. Surgery
            between properties is ours, neither paper has it.
        combiner_options: Values of the combiner's own parameters.
        weights: Other weights for some of its properties.
    """

    smooth: float = 0.0
    identity: float = 0.0
    cosine: bool = False
    perceptual: float = 0.0
    adversarial: float = 0.0
    known: float = 0.0
    lightness: float = 0.0
    old_photo: bool = False
    color: float = 0.0
    combiner: PropertyCombiner = ""
    combiner_options: CombinerOptions = field(default_factory=dict[str, float], hash=False)
    weights: Weights = field(default_factory=dict[str, float])

    tau: Tau = 1000
    steps: Steps = 1000
    strength_mode: StrengthMode = "constant"
    strength: Strength = 0.1

    from_noise: ClassVar[bool] = True
    without_reference: ClassVar[str] = "pgdiff-restoration"

    @property
    def networks(self) -> tuple[str, ...]:
        """See `Recipe`."""
        used = {
            "arcface": self.identity,
            "vgg": self.perceptual,
            "discriminator": self.adversarial,
        }
        return tuple(name for name, weight in used.items() if weight)

    @property
    def restorer(self) -> str:
        """PGDiff's own f, where a property looks at y_c; see `Recipe`."""
        return "rrdb" if self.smooth or self.perceptual or self.old_photo else "none"

    @property
    def needs_reference(self) -> bool:
        """See `Recipe`."""
        return bool(self.identity)

    @property
    def mask(self) -> MaskUse:
        """See `Recipe`."""
        if self.known:
            return "needed"
        return "optional" if self.old_photo else "none"

    @property
    def takes_style(self) -> bool:
        """See `Recipe`."""
        return bool(self.color)

    @property
    def properties(self) -> list[str]:
        """Names of the properties that take part."""
        return [name for name in _PROPERTIES if getattr(self, name) > 0]

    def configured(self, values: Mapping[str, Any]) -> Self:
        """Return the recipe with other parameters; see `Recipe`.

        Raises:
            InvalidInputError: There is no such property here, a weight is not a positive number, or
                there is nothing between which there could be a surgery.
        """
        for name, weight in values.get("weights", {}).items():
            self._check_weight(name, weight)
        changed = super().configured(values)
        if changed.combiner and len(self.properties) < 2:
            raise InvalidInputError(
                f"The recipe {self.name!r} has no gradient surgery whose method could be chosen."
            )
        if changed.combiner:
            make_combiner(changed.combiner, changed.combiner_options)
        elif changed.combiner_options:
            raise InvalidInputError(
                "combiner_options are a combiner's; choose a combiner too, or leave them out."
            )
        return replace(changed, **changed.weights)

    def _check_weight(self, name: str, weight: float) -> None:
        if name not in self.properties:
            raise InvalidInputError(
                f"The recipe {self.name!r} has no property {name!r} to be weighted; it has "
                f"{', '.join(self.properties)}."
            )
        if not 0 < weight < math.inf:
            raise InvalidInputError(
                f"The weight of {name!r} must be a number above 0, not {weight}."
            )

    def guidance(self, images: GuideImages) -> Expression:
        """Return the weighted sum of the properties, or the surgery between them."""
        terms = self._terms(images)
        guidance: Expression = Sum(terms)
        if self.combiner:
            pivot, *others = terms
            method = make_combiner(self.combiner, self.combiner_options)
            guidance = Surgery("properties", pivot, Sum(tuple(others)), method)
        if self.old_photo and images.mask is not None:
            return Masked(guidance, images.mask)
        return guidance

    def _terms(self, images: GuideImages) -> tuple[Term, ...]:
        """Return the properties that take part; the first is the one that knows the photo."""
        identity = IdentityLoss("high") if self.cosine else SquaredIdentityLoss()
        grey = images.coarse if self.old_photo else images.degraded
        lightness = LightnessLoss(images.mask if self.old_photo else None)
        makers: dict[str, Callable[[], tuple[Loss, Target]]] = {
            "smooth": lambda: (PixelLoss(), images.coarse),
            "known": lambda: (PixelLoss(images.mask), images.degraded),
            "lightness": lambda: (lightness, grey),
            "identity": lambda: (identity, images.all_references()),
            "perceptual": lambda: (SquaredPerceptualLoss(), images.coarse),
            "adversarial": lambda: (AdversarialLoss(), None),
            "color": lambda: (ColorStatisticsLoss(images.style), None),
        }
        return tuple(
            Term(name, *make(), getattr(self, name))
            for name, make in makers.items()
            if name in self.properties
        )


RawOutput = Annotated[
    bool,
    Param(
        lacking="invents nothing between known pixels",
        tooltip="Give what was sampled, as the paper does, instead of keeping the known pixels.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class InpaintingRecipe(PGDiffRecipe):
    """PGDiff's inpainting, with the photo's own pixels outside the hole.

    Source: PGDiff section 4.3.
    Deviations: guidance alone moves known pixels by some levels; they are the photo's own here.

    Attributes:
        raw_output: Whether the result is what was sampled, as in the paper.
    """

    raw_output: RawOutput = False

    @property
    def keeps_known(self) -> bool:
        """See `Recipe`."""
        return not self.raw_output


for _row in (
    PGDiffRecipe(
        name="pgdiff-restoration", title="PGDiff: towards a smooth restoration", smooth=1.0
    ),
    PGDiffRecipe(
        name="pgdiff-reference",
        title="PGDiff: restoration with a reference's identity",
        smooth=1.0,
        identity=25.0,
    ),
    PGDiffRecipe(
        name="pgdiff-reference-cosine",
        title="PGDiff: the same with the cosine distance",
        smooth=1.0,
        identity=1e4,
        cosine=True,
    ),
    PGDiffRecipe(
        name="pgdiff-colorization",
        title="PGDiff: colours for a grey photo",
        lightness=1.0,
        color=0.05,
        strength_mode="dynamic",
        strength=0.01,
        strength_scope="channel",
    ),
    InpaintingRecipe(
        name="pgdiff-inpainting",
        title="PGDiff: invent what a mask covers",
        known=1.0,
        strength_mode="dynamic",
        strength=0.01,
    ),
    PGDiffRecipe(
        name="pgdiff-old-photo",
        title="PGDiff: restoration, colours and scratches in one",
        lightness=1.0,
        old_photo=True,
        color=0.5,
        strength_mode="dynamic",
        strength=0.002,
        strength_scope="channel",
    ),
    PGDiffRecipe(
        name="pgdiff-quality",
        title="PGDiff: restoration with perceptual and adversarial losses",
        smooth=1.0,
        perceptual=1e-2,
        adversarial=1e-2,
    ),
):
    RECIPES.add(_row.name, _row)

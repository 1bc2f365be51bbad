"""PGDiff's tasks as data: which properties each guides with, and its official code's numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from .combiners import COMBINERS
from .errors import InvalidInputError
from .guidance.terms import Expression, Masked, MovingTarget, Sum, Surgery, Term
from .losses import Loss
from .losses.adversarial import AdversarialLoss
from .losses.color_statistics import ColorStatisticsLoss
from .losses.identity import IdentityLoss
from .losses.lightness import LightnessLoss
from .losses.pixel import PixelLoss
from .losses.squared_identity import SquaredIdentityLoss
from .losses.squared_perceptual import SquaredPerceptualLoss
from .recipe_base import GuideImages, Recipe

_PROPERTIES = ("smooth", "identity", "perceptual", "adversarial", "known", "lightness", "color")


@dataclass(frozen=True)
class PGDiffParts:
    """Weights of PGDiff's properties; a property of weight 0 takes no part.

    Source: PGDiff section 4 and the defaults of its official code.

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
    combiner: str = ""

    @property
    def has_others(self) -> bool:
        """Whether there is more than the property that knows the photo."""
        return sum(getattr(self, name) > 0 for name in _PROPERTIES) > 1

    def weighted(self, weights: Mapping[str, float]) -> "PGDiffParts":
        """Return these properties with other weights.

        Raises:
            InvalidInputError: There is no such property here, or a weight is not a positive number.
        """
        mine = [name for name in _PROPERTIES if getattr(self, name)]
        for name, weight in weights.items():
            if name not in mine:
                raise InvalidInputError(
                    f"This recipe has no property {name!r} to be weighted; it has "
                    f"{', '.join(mine)}."
                )
            if not 0 < weight < math.inf:
                raise InvalidInputError(
                    f"The weight of {name!r} must be a number above 0, not {weight}."
                )
        return replace(self, **dict(weights))

    def __call__(self, images: GuideImages) -> Expression:
        """Return the weighted sum of the properties, or the surgery between them."""
        if self.identity and not images.references:
            raise InvalidInputError("This recipe needs at least one reference photo, not none.")
        identity = IdentityLoss("high") if self.cosine else SquaredIdentityLoss()
        share = self.identity / max(len(images.references), 1)
        grey = images.coarse if self.old_photo else images.degraded
        lightness = LightnessLoss(images.mask if self.old_photo else None)
        rows: list[tuple[str, Loss, Tensor | MovingTarget | None, float]] = [
            ("smooth", PixelLoss(), images.coarse, self.smooth),
            ("known", PixelLoss(images.mask), images.degraded, self.known),
            ("lightness", lightness, grey, self.lightness),
            *(
                (f"identity{number or ''}", identity, reference, share)
                for number, reference in enumerate(images.references)
            ),
            ("perceptual", SquaredPerceptualLoss(), images.coarse, self.perceptual),
            ("adversarial", AdversarialLoss(), None, self.adversarial),
            ("color", ColorStatisticsLoss(images.style), None, self.color),
        ]
        terms = tuple(Term(*row) for row in rows if row[3])
        guidance: Expression = Sum(terms)
        if self.combiner:
            pivot, *others = terms
            method = COMBINERS[self.combiner]()
            guidance = Surgery("properties", pivot, Sum(tuple(others)), method)
        if self.old_photo and images.mask is not None:
            return Masked(guidance, images.mask)
        return guidance


def _pgdiff(task: str, title: str, parts: PGDiffParts, strength: float, **more: Any) -> Recipe:
    """Return the row of a task: from pure noise in 1000 steps, as the official code runs."""
    networks = {
        "arcface": parts.identity,
        "vgg": parts.perceptual,
        "discriminator": parts.adversarial,
    }
    defaults: dict[str, Any] = {
        "needs_reference": bool(parts.identity),
        "tau": 1000,
        "steps": 1000,
        "strength_mode": "constant",
        "strength": strength,
        "networks": tuple(name for name, weight in networks.items() if weight),
        "restorer": "rrdb",
        "takes_style": bool(parts.color),
        "from_noise": True,
    }
    return Recipe(f"pgdiff-{task}", f"PGDiff: {title}", parts, **{**defaults, **more})


PGDIFF_RECIPES = (
    _pgdiff("restoration", "towards a smooth restoration", PGDiffParts(smooth=1.0), 0.1),
    _pgdiff(
        "reference",
        "restoration with a reference's identity",
        PGDiffParts(smooth=1.0, identity=25.0),
        0.1,
    ),
    _pgdiff(
        "reference-cosine",
        "the same with the cosine distance",
        PGDiffParts(smooth=1.0, identity=1e4, cosine=True),
        0.1,
    ),
    _pgdiff(
        "colorization",
        "colours for a grey photo",
        PGDiffParts(lightness=1.0, color=0.05),
        0.01,
        strength_mode="dynamic",
        strength_scope="channel",
        restorer="none",
    ),
    _pgdiff(
        "inpainting",
        "invent what a mask covers",
        PGDiffParts(known=1.0),
        0.01,
        strength_mode="dynamic",
        restorer="none",
        mask="needed",
    ),
    _pgdiff(
        "old-photo",
        "restoration, colours and scratches in one",
        PGDiffParts(lightness=1.0, old_photo=True, color=0.5),
        0.002,
        strength_mode="dynamic",
        strength_scope="channel",
        mask="optional",
    ),
    _pgdiff(
        "quality",
        "restoration with perceptual and adversarial losses",
        PGDiffParts(smooth=1.0, perceptual=1e-2, adversarial=1e-2),
        0.1,
    ),
)
"""One recipe per task; those that need a mask, a reference or colours say so."""

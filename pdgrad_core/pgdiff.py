"""PGDiff's tasks as data: which properties each guides with, and its official code's numbers."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .errors import InvalidInputError
from .guidance.terms import Expression, Masked, MovingTarget, Sum, Term
from .losses import Loss
from .losses.adversarial import AdversarialLoss
from .losses.color_statistics import ColorStatisticsLoss
from .losses.identity import IdentityLoss
from .losses.lightness import LightnessLoss
from .losses.pixel import PixelLoss
from .losses.squared_identity import SquaredIdentityLoss
from .losses.squared_perceptual import SquaredPerceptualLoss
from .recipe_base import GuideImages, Recipe


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

    def __call__(self, images: GuideImages) -> Expression:
        """Return the weighted sum of the properties."""
        if self.identity and not images.references:
            raise InvalidInputError("This recipe needs at least one reference photo, not none.")
        identity = IdentityLoss("high") if self.cosine else SquaredIdentityLoss()
        share = self.identity / max(len(images.references), 1)
        grey = images.coarse if self.old_photo else images.degraded
        lightness = LightnessLoss(images.mask if self.old_photo else None)
        rows: list[tuple[str, Loss, Tensor | MovingTarget | None, float]] = [
            ("smooth", PixelLoss(), images.coarse, self.smooth),
            *(
                (f"identity{number or ''}", identity, reference, share)
                for number, reference in enumerate(images.references)
            ),
            ("perceptual", SquaredPerceptualLoss(), images.coarse, self.perceptual),
            ("adversarial", AdversarialLoss(), None, self.adversarial),
            ("known", PixelLoss(images.mask), images.degraded, self.known),
            ("lightness", lightness, grey, self.lightness),
            ("color", ColorStatisticsLoss(images.style), None, self.color),
        ]
        terms = Sum(tuple(Term(*row) for row in rows if row[3]))
        return Masked(terms, images.mask) if self.old_photo and images.mask is not None else terms


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

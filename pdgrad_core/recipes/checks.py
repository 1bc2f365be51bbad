"""Whether what a user gives fits a recipe, and which recipe it would fit."""

from collections.abc import Sequence

from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image
from ..masks import check_mask
from .base import RECIPES, Recipe, alternatives
from .inputs import Hints


def check_needs(row: Recipe, *, references: int, mask: bool, style: bool) -> None:
    """Raise InvalidInputError unless a recipe has what it needs, and uses what it is given.

    Args:
        row: The recipe.
        references: Number of reference photos.
        mask: Whether there is a mask.
        style: Whether there is a colour style.
    """
    if not mask and row.mask == "needed":
        raise InvalidInputError(
            f"The recipe {row.name!r} needs a mask, white where the photo is missing."
        )
    if mask and row.mask == "none":
        takers = [one.name for one in RECIPES.members.values() if one.mask != "none"]
        raise InvalidInputError(
            f"The recipe {row.name!r} takes no mask; leave it out, or use {alternatives(takers)}."
        )
    if style and not row.takes_style:
        takers = [one.name for one in RECIPES.members.values() if one.takes_style]
        raise InvalidInputError(
            f"The recipe {row.name!r} gives no colours, so a colour style is of no use to it; "
            f"leave it out, or use {alternatives(takers)}."
        )
    if row.needs_reference and not references:
        raise InvalidInputError(
            f"The recipe {row.name!r} is guided by a reference photo of the same person; give at "
            f"least one, or use the recipe {row.without_reference!r}, which needs none."
        )


def check_guide_images(
    row: Recipe, degraded: Tensor, references: Sequence[Tensor], hints: Hints
) -> None:
    """Raise InvalidInputError unless the images fit the recipe and each other.

    Args:
        row: The recipe.
        degraded: Aligned faces, `(B, 3, H, W)` in [-1, 1].
        references: Aligned references.
        hints: Mask and colours.
    """
    check_image(degraded, "The degraded face")
    size = (degraded.shape[-2], degraded.shape[-1])
    if hints.mask is not None and row.mask != "none":
        masks = len(check_mask(hints.mask, *size))
        if masks not in (1, len(degraded)):
            raise InvalidInputError(
                f"Give one mask, or as many as the {len(degraded)} faces, not {masks}."
            )
    given = {"mask": hints.mask is not None, "style": hints.style is not None}
    check_needs(row, references=len(references), **given)
    _check_weights(hints.weights, len(references), len(degraded))
    for reference in references:
        check_image(reference, "A reference")
        if reference.shape[0] not in (1, len(degraded)):
            raise InvalidInputError(
                f"A reference must be one image or as many as the {len(degraded)} degraded "
                f"ones, not {reference.shape[0]}."
            )
        if reference.shape[-2:] != size:
            raise InvalidInputError(
                f"A reference must be aligned to the degraded face's size {size[1]}x{size[0]}, "
                f"not {reference.shape[-1]}x{reference.shape[-2]}."
            )


def _check_weights(weights: Tensor | None, references: int, faces: int) -> None:
    if weights is None:
        return
    if weights.ndim != 2 or weights.shape[0] != references or weights.shape[1] not in (1, faces):
        raise InvalidInputError(
            f"The references' weights must be {(references, faces)}, a row for each reference, not "
            f"{tuple(weights.shape)}."
        )
    if not bool(weights.isfinite().all()) or bool((weights < 0).any()):
        raise InvalidInputError("The references' weights must be finite and not negative.")

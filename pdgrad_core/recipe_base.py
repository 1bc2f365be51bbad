"""What a recipe is: an expression built from the images at hand, plus the numbers it runs with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from .errors import InvalidInputError
from .guidance.strength import Scope
from .guidance.terms import Expression, MovingTarget
from .images import check_image
from .losses.color_statistics import CELEBA_HQ, ColorStatistics
from .masks import check_mask


@dataclass(frozen=True)
class GuideImages:
    """The pictures a recipe may look at, aligned and of the prior's size, in [-1, 1].

    Attributes:
        degraded: y, `(B, 3, H, W)`.
        coarse: y_c, `(B, 3, H, W)`, or a callable that gives it at each step (PGDiff's f).
        references: y_r, any number of `(B or 1, 3, H, W)`.
        mask: `(B or 1, 1, H, W)`, 1 where a pixel of `degraded` is missing.
        style: The colours to give a grey photo.
    """

    degraded: Tensor
    coarse: Tensor | MovingTarget
    references: tuple[Tensor, ...] = ()
    mask: Tensor | None = None
    style: ColorStatistics = CELEBA_HQ


Build = Callable[[GuideImages], Expression]


@dataclass(frozen=True)
class Recipe:
    """One way to restore a face.

    Attributes:
        name: Key in `RECIPES`.
        title: What it is, in a few words.
        build: Makes the guidance from the images; None for unguided sampling.
        needs_reference: Whether it cannot do without a reference photo.
        tau: Start of the reverse process, of 1000.
        steps: Steps executed.
        strength_mode: Key in `STRENGTHS`.
        strength: s.
        gradient_steps: N.
        gradient_window: (S_end, S_start), original timesteps, both excluded.
        strength_scope: Whether a dynamic strength is set for the image or each colour channel.
        networks: Names of the feature networks its losses look through.
        restorer: Key in `RESTORERS`; None for the set of models' own, "none" where it needs no y_c.
        mask: Whether it takes a mask of missing pixels, and can do without one.
        takes_style: Whether it gives colours, whose style may be chosen.
        from_noise: Whether, at tau = 1000, it starts from noise alone.
        contraction: Parameters of DifBFSR's contraction; None for no contraction. Where no other
            restorer is at hand, the fitted enlargement is y_c.
    """

    name: str
    title: str
    build: Build | None
    needs_reference: bool = True
    tau: int = 700
    steps: int = 100
    strength_mode: Literal["constant", "dynamic"] = "dynamic"
    strength: float = 0.2
    gradient_steps: int = 1
    gradient_window: tuple[int, int] = (700, 1000)
    strength_scope: Scope = "image"
    networks: tuple[str, ...] = ("arcface", "vgg")
    restorer: str | None = None
    mask: Literal["none", "optional", "needed"] = "none"
    takes_style: bool = False
    from_noise: bool = False
    contraction: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Hints:
    """What some recipes take besides photos.

    Attributes:
        mask: `(B or 1, 1, H, W)` on the aligned faces, 1 where a pixel is missing.
        style: The colours to give a grey photo; None for the recipe's own.
    """

    mask: Tensor | None = None
    style: ColorStatistics | None = None


def check_hints(row: Recipe, hints: Hints) -> None:
    """Raise InvalidInputError unless a recipe has the hints it needs, and uses those it has."""
    if hints.mask is None and row.mask == "needed":
        raise InvalidInputError(
            f"The recipe {row.name!r} needs a mask, white where the photo is missing."
        )
    if hints.mask is not None and row.mask == "none":
        raise InvalidInputError(
            f"The recipe {row.name!r} takes no mask; leave it out, or use 'pgdiff-inpainting' or "
            "'pgdiff-old-photo'."
        )
    if hints.style is not None and not row.takes_style:
        raise InvalidInputError(
            f"The recipe {row.name!r} gives no colours, so a colour style is of no use to it; "
            "leave it out, or use 'pgdiff-colorization' or 'pgdiff-old-photo'."
        )


def check_guide_images(
    row: Recipe, degraded: Tensor, references: Sequence[Tensor], hints: Hints
) -> None:
    """Raise InvalidInputError unless a recipe has the images it needs, and only what it uses.

    Args:
        row: The recipe.
        degraded: Aligned faces, `(B, 3, H, W)` in [-1, 1].
        references: Aligned references.
        hints: Mask and colours.
    """
    check_image(degraded, "The degraded face")
    size = (degraded.shape[-2], degraded.shape[-1])
    check_hints(row, hints)
    if hints.mask is not None:
        masks = len(check_mask(hints.mask, *size))
        if masks not in (1, len(degraded)):
            raise InvalidInputError(
                f"Give one mask, or as many as the {len(degraded)} faces, not {masks}."
            )
    if row.needs_reference and not references:
        other = "pgdiff-restoration" if row.name.startswith("pgdiff") else "a5"
        raise InvalidInputError(
            f"The recipe {row.name!r} is guided by a reference photo of the same person; give at "
            f"least one, or use the recipe {other!r}, which needs none."
        )
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

"""What a recipe is: an expression built from the images at hand, plus the numbers it runs with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .guidance.strength import Scope
from .guidance.terms import Expression, MovingTarget
from .losses.color_statistics import CELEBA_HQ, ColorStatistics


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
    """

    name: str
    title: str
    build: Build | None
    needs_reference: bool = True
    tau: int = 700
    steps: int = 100
    strength_mode: Literal["constant", "dynamic"] = "dynamic"
    strength: float = 0.1
    gradient_steps: int = 1
    gradient_window: tuple[int, int] = (700, 1000)
    strength_scope: Scope = "image"
    networks: tuple[str, ...] = ("arcface", "vgg")
    restorer: str | None = None
    mask: Literal["none", "optional", "needed"] = "none"
    takes_style: bool = False
    from_noise: bool = False

"""What recipes are given: the pictures, hints beside them, and the job as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..diffusion.noise import NoiseSource
from ..diffusion.sampler import StepImage, Watch
from ..errors import InvalidInputError
from ..guidance.targets import References
from ..losses.color_statistics import CELEBA_HQ, ColorStatistics

if TYPE_CHECKING:
    from ..models.sets import ModelSet


@dataclass(frozen=True)
class GuideImages:
    """The pictures a recipe may look at, aligned and of the prior's size, in [-1, 1].

    Attributes:
        degraded: y, `(B, 3, H, W)`.
        coarse: y_c, `(B, 3, H, W)`, or a callable that gives it at each step (PGDiff's f).
        references: y_r, any number of `(B or 1, 3, H, W)`.
        mask: `(B or 1, 1, H, W)`, 1 where a pixel of `degraded` is missing.
        style: The colours to give a grey photo.
        weights: `(references, B or 1)`, how much each reference counts for each face; None for
            alike.
    """

    degraded: Tensor
    coarse: Tensor | StepImage
    references: tuple[Tensor, ...] = ()
    mask: Tensor | None = None
    style: ColorStatistics = CELEBA_HQ
    weights: Tensor | None = None

    def all_references(self, mirrored: bool = False) -> References:
        """Return the references as the target of a term, which is averaged over them.

        Args:
            mirrored: Whether each counts once more, as its mirror image.

        Raises:
            InvalidInputError: There is none.
        """
        if not self.references:
            raise InvalidInputError("This recipe needs at least one reference photo, not none.")
        if not mirrored:
            return References(self.references, self.weights)
        both = (*self.references, *(image.flip(-1) for image in self.references))
        weights = None if self.weights is None else torch.cat([self.weights] * 2) / 2
        return References(both, weights)


@dataclass(frozen=True)
class Hints:
    """What some recipes take besides photos.

    Attributes:
        mask: `(B or 1, 1, H, W)` on the aligned faces, 1 where a pixel is missing.
        style: The colours to give a grey photo; None for the recipe's own.
        weights: `(references, B or 1)`, how much each reference counts for each face, summing to 1
            for each; None for alike.
    """

    mask: Tensor | None = None
    style: ColorStatistics | None = None
    weights: Tensor | None = None


@dataclass(frozen=True)
class Job:
    """What a recipe's hooks are given: the faces, the models, the randomness, and who watches.

    Attributes:
        degraded: y, aligned faces `(B, 3, H, W)` in [-1, 1], on the models' device.
        models: Prior, feature networks and restorer.
        seeds: One per face.
        noise: Draws the run's noise, `(B, 3, H, W)`; every draw moves it on.
        watch: Is told of the steps of a restorer that samples, and may stop what takes long.
    """

    degraded: Tensor
    models: "ModelSet"
    seeds: Sequence[int]
    noise: NoiseSource
    watch: Watch = field(default_factory=Watch)

"""What a term's loss compares x0hat with: an image, several, or one made anew at each step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from ..diffusion.noise import seeded_noise
from ..diffusion.sampler import StepContext, StepImage
from ..errors import InvalidInputError
from ..images import resize
from ..masks import Faces
from ..restorers import Restorer

BatchMode = Literal["auto", "per_face", "references"]
"""What several pictures mean: one per face, or each for every face; "auto": by their number."""


@dataclass(frozen=True)
class Restored:
    """f(y, x_t, t) as a target: the restorer is asked anew at each step, as PGDiff's is.

    Attributes:
        restorer: f.
        degraded: y, `(B or 1, 3, H, W)` in [-1, 1].
    """

    restorer: Restorer
    degraded: Tensor = field(repr=False)

    def __call__(self, context: StepContext) -> Tensor:
        """Return the target of a step, `(B, 3, H, W)`."""
        degraded = self.degraded.expand_as(context.x_t)
        return self.restorer(degraded, context.x_t, context.t)


@dataclass(frozen=True)
class References:
    """Several images of which each counts for every face: their losses are averaged.

    Attributes:
        images: Each `(B or 1, 3, H, W)` in [-1, 1], or a callable of the step.
        weights: `(images, B or 1)`, how much each counts for each face; None for alike. A face's
            weights sum to 1; a reference that is of no use to a face has weight 0 there.
    """

    images: tuple[Tensor | StepImage, ...] = field(repr=False)
    weights: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.images:
            raise InvalidInputError("A guidance towards references needs at least one, not none.")
        if self.weights is not None and len(self.weights) != len(self.images):
            raise InvalidInputError(
                f"There are weights for {len(self.weights)} references, but {len(self.images)} "
                "references; give one row for each."
            )


@dataclass(frozen=True)
class Pictures:
    """Images that are not yet fitted to the faces of a run: what a loss node is given.

    Attributes:
        images: `(N, 3, H, W)` in [-1, 1], of the faces' shape and any size.
        batch_mode: "per_face": image i is for face i; "references": every image is for every face;
            "auto": the first where the numbers agree.
        restorer: Where given, the target is what it makes of the images.
    """

    images: Tensor = field(repr=False)
    batch_mode: BatchMode = "auto"
    restorer: Restorer | None = None

    def placed(self, name: str, faces: Faces) -> "Tensor | StepImage | References":
        """Return the target for the faces of a run.

        Args:
            name: The term's, for the error.
            faces: What is sampled.

        Raises:
            InvalidInputError: The images' number or shape does not fit the faces.
        """
        found = [self._restored(image) for image in self._split(name, faces)]
        return found[0] if len(found) == 1 else References(tuple(found))

    def _split(self, name: str, faces: Faces) -> Sequence[Tensor]:
        images = _fitted(self.images.to(faces.device), name, faces)
        count = len(images)
        if count == 1 or (count == faces.count and self.batch_mode != "references"):
            return [images]
        if self.batch_mode == "references" or (self.batch_mode == "auto" and faces.count == 1):
            return images.split(1)
        raise InvalidInputError(
            f"The loss {_stem(name)!r} has {count} target images for {faces.count} faces; give one "
            "per face, or set batch_mode to references if all of them show the same person."
        )

    def _restored(self, image: Tensor) -> Tensor | StepImage:
        if self.restorer is None:
            return image
        if self.restorer.depends_on_x_t:
            return Restored(self.restorer, image)
        if self.restorer.samples:
            # A target is one picture, the same in every run: it has a seed of its own.
            return self.restorer(image, noise=seeded_noise(image, 0))
        return self.restorer(image)

    def same_as(self, other: "Pictures") -> bool:
        """Return whether these are the very same images."""
        return self.images.shape == other.images.shape and torch.equal(self.images, other.images)


@dataclass(frozen=True)
class OwnReferences:
    """References of each face, not yet fitted to the faces of a run.

    Attributes:
        images: Each `(faces, 3, H, W)` in [-1, 1].
        weights: `(images, faces)`, how much each counts for each face; 0 for one of no use.
    """

    images: tuple[Tensor, ...] = field(repr=False)
    weights: Tensor = field(repr=False)

    def placed(self, name: str, faces: Faces) -> References:
        """Return the target for the faces of a run.

        Args:
            name: The term's, for the error.
            faces: What is sampled.

        Raises:
            InvalidInputError: They belong to other faces.
        """
        count = self.weights.shape[1]
        if count != faces.count:
            raise InvalidInputError(
                f"The loss {_stem(name)!r} has references of {count} faces, but {faces.count} are "
                "sampled; connect the faces that they were matched with."
            )
        images = (_fitted(one.to(faces.device), name, faces) for one in self.images)
        return References(tuple(images), self.weights.to(faces.device))


Target: TypeAlias = Tensor | StepImage | References | Pictures | OwnReferences | None
"""What a loss compares with; None for a loss that compares with nothing."""


def _fitted(images: Tensor, name: str, faces: Faces) -> Tensor:
    found = (images.shape[-2], images.shape[-1])
    if found == faces.size:
        return images
    height, width = faces.size
    if found[0] * width != found[1] * height:
        raise InvalidInputError(
            f"The target image of the loss {_stem(name)!r} is {found[1]}x{found[0]} pixels, "
            f"but the faces are {width}x{height}; align it to the same crop (Align Faces)."
        )
    return resize(images, height, width, "bicubic").clamp(-1, 1)


def _stem(name: str) -> str:
    """Return a term's name without its part ("low" of "low.arc")."""
    return name.rpartition(".")[0] or name

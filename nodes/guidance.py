"""PDG_LOSS and PDG_GUIDANCE: a guidance as wired, finished when the faces are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import resize
from .sockets import LoadedFeatures, LoadedRestorer, Patcher

if TYPE_CHECKING:
    from ..pdgrad_core.features.base import FeatureNetwork
    from ..pdgrad_core.guidance.terms import Expression, MovingTarget
    from ..pdgrad_core.losses import Loss
    from ..pdgrad_core.restorers.base import Restorer

BATCH_MODES = ["auto", "per_face", "references"]


@dataclass(frozen=True)
class WiredTerm:
    """One loss of a PDG_LOSS: its suffix in the trace ("arc"), the loss and its weight.

    Attributes:
        loss: The loss, or what makes it from the mask of missing pixels (None without one).
    """

    suffix: str
    loss: Loss | Callable[[Tensor | None], Loss]
    weight: float = 1.0


@dataclass(frozen=True)
class WiredLoss:
    """PDG_LOSS: losses towards one image or several.

    Attributes:
        name: What the trace calls it.
        terms: The losses; they are added.
        image: The targets, `(N, 3, H, W)` in [-1, 1]; None for losses that compare with none.
        batch_mode: "per_face": target i is for face i; "references": every target is for every
            face, and they are averaged; "auto": the first where the numbers agree.
        features: Networks that the losses need, None where they compare pixels.
        restorer: Where given, the target is f(image, x_t, t), made anew at each step.
        mask: Missing pixels of the images, `(B, 1, H, W)`, for the losses that are made from it.
    """

    name: str
    terms: tuple[WiredTerm, ...]
    image: Tensor | None
    batch_mode: str = "auto"
    features: LoadedFeatures | None = None
    restorer: LoadedRestorer | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class WiredSum:
    """PDG_GUIDANCE: a weighted sum."""

    parts: tuple[Wired, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class WiredSurgery:
    """PDG_GUIDANCE: gradient surgery between a pivot and another part."""

    name: str
    pivot: Wired
    other: Wired
    method: str


@dataclass(frozen=True)
class WiredMask:
    """PDG_GUIDANCE: a part that does not act where a mask `(B, 1, H, W)` is 1."""

    part: Wired
    mask: Tensor


Wired: TypeAlias = WiredLoss | WiredSum | WiredSurgery | WiredMask


def losses_of(wired: Wired) -> Iterator[WiredLoss]:
    """Yield every loss of a wired guidance, from left to right."""
    if isinstance(wired, WiredLoss):
        yield wired
        return
    if isinstance(wired, WiredMask):
        parts = (wired.part,)
    else:
        parts = wired.parts if isinstance(wired, WiredSum) else (wired.pivot, wired.other)
    for part in parts:
        yield from losses_of(part)


def shares_an_image(pivot: Wired, other: Wired) -> bool:
    """Return whether both sides of a surgery look at one and the same image."""
    return any(
        first.image.shape == second.image.shape and torch.equal(first.image, second.image)
        for first in losses_of(pivot)
        for second in losses_of(other)
        if first.image is not None and second.image is not None
    )


def patchers_of(wired: Wired) -> list[Patcher]:
    """Return the host's handles on every network that a guidance needs."""
    found: list[Patcher] = []
    for loss in losses_of(wired):
        found += loss.features.patchers if loss.features else ()
        if loss.restorer is not None and loss.restorer.patcher is not None:
            found.append(loss.restorer.patcher)
    return list(dict.fromkeys(found))


def networks_of(wired: Wired) -> dict[str, FeatureNetwork]:
    """Return the feature networks of a guidance by name.

    Raises:
        InvalidInputError: Two losses bring different networks for the same purpose.
    """
    found: dict[str, FeatureNetwork] = {}
    for loss in losses_of(wired):
        for name, network in (loss.features.networks if loss.features else {}).items():
            if found.setdefault(name, network) is not network:
                raise InvalidInputError(
                    f"The losses of this guidance use two different {name} networks; connect all "
                    "of them to the same Load Feature Networks node."
                )
    return found


class GuidanceBuilder:
    """Turns a wired guidance into the core's expression for a given batch.

    Args:
        batch: Number of faces that are sampled.
        size: Their height and width in pixels.
        device: Where the targets are wanted.
    """

    def __init__(self, batch: int, size: tuple[int, int], device: torch.device) -> None:
        self.batch = batch
        self.size = size
        self.device = device
        self._names: dict[str, int] = {}

    def build(self, wired: Wired) -> Expression:
        """Return the expression; see `Wired`.

        Raises:
            InvalidInputError: A target's number or shape does not fit the faces.
        """
        from ..pdgrad_core.combiners import COMBINERS
        from ..pdgrad_core.guidance.terms import Masked, Sum, Surgery

        if isinstance(wired, WiredLoss):
            return self._loss(wired)
        if isinstance(wired, WiredMask):
            return Masked(self.build(wired.part), self._mask(wired.mask))
        if isinstance(wired, WiredSum):
            return Sum(tuple(self.build(part) for part in wired.parts), wired.weights)
        pivot, other = self.build(wired.pivot), self.build(wired.other)
        return Surgery(self._unique(wired.name), pivot, other, COMBINERS[wired.method]())

    def _loss(self, wired: WiredLoss) -> Expression:
        from ..pdgrad_core.guidance.terms import Sum, Term
        from ..pdgrad_core.losses import Loss

        name = self._unique(wired.name)
        targets = self._targets(wired)
        share = 1 / len(targets)
        mask = None if wired.mask is None else self._mask(wired.mask)
        losses = [t.loss if isinstance(t.loss, Loss) else t.loss(mask) for t in wired.terms]
        terms = [
            Term(f"{name}{index}.{term.suffix}", loss, target, term.weight * share)
            for index, target in zip(_numbers(len(targets)), targets, strict=True)
            for term, loss in zip(wired.terms, losses, strict=True)
        ]
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _targets(self, wired: WiredLoss) -> Sequence[Tensor | MovingTarget | None]:
        """Return the targets of the sampler's size, each for every face or one per face."""
        if wired.image is None:
            return [None]
        images = self._images(wired, wired.image)
        if wired.restorer is None:
            return images
        return [_restored(image, wired.restorer.restorer) for image in images]

    def _images(self, wired: WiredLoss, given: Tensor) -> list[Tensor]:
        image, count = self._fitted(wired.name, given), given.shape[0]
        if count == 1:
            return [image]
        if wired.batch_mode == "references":
            return list(image.split(1))
        if count == self.batch:
            return [image]
        if wired.batch_mode == "auto" and self.batch == 1:
            return list(image.split(1))
        raise InvalidInputError(
            f"The loss {wired.name!r} has {count} target images for {self.batch} faces; give one "
            "per face, or set batch_mode to references if all of them show the same person."
        )

    def _mask(self, mask: Tensor) -> Tensor:
        from ..pdgrad_core.masks import check_mask

        found = check_mask(mask, *self.size).to(self.device)
        if found.shape[0] not in (1, self.batch):
            raise InvalidInputError(
                f"Give one mask, or as many as the {self.batch} faces, not {found.shape[0]}."
            )
        return found

    def _fitted(self, name: str, image: Tensor) -> Tensor:
        image = image.to(self.device)
        found = (image.shape[-2], image.shape[-1])
        if found == self.size:
            return image
        height, width = self.size
        if found[0] * width != found[1] * height:
            raise InvalidInputError(
                f"The target image of the loss {name!r} is {found[1]}x{found[0]} pixels, "
                f"but the faces are {width}x{height}; align it to the same crop (Align Faces)."
            )
        return resize(image, height, width, "bicubic").clamp(-1, 1)

    def _unique(self, name: str) -> str:
        """Return the name, with a number where it was used before: the trace tells them apart."""
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name} {self._names[name]}"


def _restored(image: Tensor, restorer: Restorer) -> Tensor | MovingTarget:
    """Return f(image), or for a restorer that looks at x_t what gives it at each step."""
    if not restorer.depends_on_x_t:
        return restorer(image)
    return lambda context: restorer(image.expand_as(context.x_t), context.x_t, context.t)


def _numbers(count: int) -> list[str]:
    return [""] if count == 1 else [str(index + 1) for index in range(count)]

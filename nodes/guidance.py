"""PDG_LOSS and PDG_GUIDANCE: a guidance as wired, finished when the faces are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import resize
from .sockets import LoadedFeatures, Patcher

if TYPE_CHECKING:
    from ..pdgrad_core.features.base import FeatureNetwork
    from ..pdgrad_core.guidance.terms import Expression
    from ..pdgrad_core.losses import Loss

BATCH_MODES = ["auto", "per_face", "references"]


@dataclass(frozen=True)
class WiredTerm:
    """One loss of a PDG_LOSS: its suffix in the trace ("arc"), the loss and its weight."""

    suffix: str
    loss: Loss
    weight: float = 1.0


@dataclass(frozen=True)
class WiredLoss:
    """PDG_LOSS: losses towards one image or several.

    Attributes:
        name: What the trace calls it.
        terms: The losses; they are added.
        image: The targets, `(N, 3, H, W)` in [-1, 1].
        batch_mode: "per_face": target i is for face i; "references": every target is for every
            face, and they are averaged; "auto": the first where the numbers agree.
        features: Networks that the losses need, None where they compare pixels.
    """

    name: str
    terms: tuple[WiredTerm, ...]
    image: Tensor
    batch_mode: str = "auto"
    features: LoadedFeatures | None = None


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


Wired: TypeAlias = WiredLoss | WiredSum | WiredSurgery


def losses_of(wired: Wired) -> Iterator[WiredLoss]:
    """Yield every loss of a wired guidance, from left to right."""
    if isinstance(wired, WiredLoss):
        yield wired
        return
    parts = wired.parts if isinstance(wired, WiredSum) else (wired.pivot, wired.other)
    for part in parts:
        yield from losses_of(part)


def shares_an_image(pivot: Wired, other: Wired) -> bool:
    """Return whether both sides of a surgery look at one and the same image."""
    return any(
        first.image.shape == second.image.shape and torch.equal(first.image, second.image)
        for first in losses_of(pivot)
        for second in losses_of(other)
    )


def patchers_of(wired: Wired) -> list[Patcher]:
    """Return the host's handles on every network that a guidance needs."""
    loaded = [loss.features for loss in losses_of(wired) if loss.features is not None]
    return list(dict.fromkeys(patcher for features in loaded for patcher in features.patchers))


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
        from ..pdgrad_core.guidance.terms import Sum, Surgery

        if isinstance(wired, WiredLoss):
            return self._loss(wired)
        if isinstance(wired, WiredSum):
            return Sum(tuple(self.build(part) for part in wired.parts), wired.weights)
        pivot, other = self.build(wired.pivot), self.build(wired.other)
        return Surgery(self._unique(wired.name), pivot, other, COMBINERS[wired.method]())

    def _loss(self, wired: WiredLoss) -> Expression:
        from ..pdgrad_core.guidance.terms import Sum, Term

        name = self._unique(wired.name)
        targets = self._targets(wired)
        share = 1 / len(targets)
        terms = [
            Term(f"{name}{index}.{term.suffix}", term.loss, target, term.weight * share)
            for index, target in zip(_numbers(len(targets)), targets, strict=True)
            for term in wired.terms
        ]
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _targets(self, wired: WiredLoss) -> list[Tensor]:
        """Return the targets of the sampler's size, each for every face or one per face."""
        image, count = self._fitted(wired), wired.image.shape[0]
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

    def _fitted(self, wired: WiredLoss) -> Tensor:
        image = wired.image.to(self.device)
        found = (image.shape[-2], image.shape[-1])
        if found == self.size:
            return image
        height, width = self.size
        if found[0] * width != found[1] * height:
            raise InvalidInputError(
                f"The target image of the loss {wired.name!r} is {found[1]}x{found[0]} pixels, "
                f"but the faces are {width}x{height}; align it to the same crop (Align Faces)."
            )
        return resize(image, height, width, "bicubic").clamp(-1, 1)

    def _unique(self, name: str) -> str:
        """Return the name, with a number where it was used before: the trace tells them apart."""
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name} {self._names[name]}"


def _numbers(count: int) -> list[str]:
    return [""] if count == 1 else [str(index + 1) for index in range(count)]

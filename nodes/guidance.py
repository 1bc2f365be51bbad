"""PDG_LOSS and PDG_GUIDANCE: the core's expression, with the networks that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from .boundary import from_host, mask_from_host, outside_inference_mode

if TYPE_CHECKING:
    from ..pdgrad_core.features.base import FeatureNetwork
    from ..pdgrad_core.guidance.targets import OwnReferences
    from ..pdgrad_core.guidance.terms import Expression
    from ..pdgrad_core.losses import Loss
    from .sockets import Guides, LoadedFeatures, LoadedRestorer, Patcher

BATCH_MODES = ["auto", "per_face", "references"]


@dataclass(frozen=True)
class LoadedGuidance:
    """An expression whose pictures are not fitted to any faces yet.

    Attributes:
        expression: What guides.
        features: The feature networks that its losses were given.
        restorers: The restorers that make its targets.
    """

    expression: Expression
    features: tuple[LoadedFeatures, ...] = ()
    restorers: tuple[LoadedRestorer, ...] = ()

    @property
    def networks(self) -> dict[str, FeatureNetwork]:
        """The feature networks by name.

        Raises:
            InvalidInputError: Two losses bring different networks for the same purpose.
        """
        found: dict[str, FeatureNetwork] = {}
        for features in self.features:
            for name, network in features.networks.items():
                if found.setdefault(name, network) is not network:
                    raise InvalidInputError(
                        f"The losses of this guidance use two different {name} networks; connect "
                        "all of them to the same Load Feature Networks node."
                    )
        return found

    @property
    def patchers(self) -> list[Patcher]:
        """The host's handles on every network that the guidance needs."""
        found = [patcher for features in self.features for patcher in features.patchers]
        found += [one.patcher for one in self.restorers if one.patcher is not None]
        return list(dict.fromkeys(found))

    @property
    def notes(self) -> list[str]:
        """What was asked of the networks and the device cannot do."""
        return [note for features in self.features for note in features.notes]


def joined(
    parts: Sequence[LoadedGuidance], make: Callable[[tuple[Expression, ...]], Expression]
) -> LoadedGuidance:
    """Return the guidance that an operation makes of several.

    Args:
        parts: What is joined.
        make: Makes one expression of theirs.
    """
    return LoadedGuidance(
        make(tuple(part.expression for part in parts)),
        tuple(features for part in parts for features in part.features),
        tuple(restorer for part in parts for restorer in part.restorers),
    )


def shares_an_image(pivot: LoadedGuidance, other: LoadedGuidance) -> bool:
    """Return whether both sides of a surgery look at one and the same image."""
    from ..pdgrad_core.guidance.targets import Pictures
    from ..pdgrad_core.guidance.terms import terms_of

    first, second = (
        [term.target for term in terms_of(side.expression) if isinstance(term.target, Pictures)]
        for side in (pivot, other)
    )
    return any(one.same_as(another) for one in first for another in second)


@dataclass(frozen=True)
class Towards:
    """What a loss node pulls towards.

    Attributes:
        image: `(N, H, W, C)` as it comes from the wire; None for a loss that compares with none.
        batch_mode: See `Pictures`.
        restorer: Makes the target from the image.
        guides: References of each face, instead of the image.
    """

    image: Tensor | None = None
    batch_mode: str = "auto"
    restorer: LoadedRestorer | None = None
    guides: Guides | None = None


def loss_guidance(
    name: str,
    losses: Mapping[str, tuple[Loss, float]],
    towards: Towards,
    features: LoadedFeatures | None = None,
) -> LoadedGuidance:
    """Return losses towards one image or several, added up.

    Args:
        name: What the trace calls them.
        losses: Each with its weight, by what the trace calls it beside the name.
        towards: Where they pull.
        features: The networks they look through; None where they compare pixels.
    """
    from ..pdgrad_core.guidance.targets import Pictures
    from ..pdgrad_core.guidance.terms import Sum, Term

    target = None
    if towards.guides is not None:
        target = own_references(towards.guides)
    elif towards.image is not None:
        with outside_inference_mode():
            image = from_host(towards.image, "The loss's image")
        restorer = towards.restorer.restorer if towards.restorer else None
        mode: Any = towards.batch_mode
        target = Pictures(image, mode, restorer)
    terms = [Term(f"{name}.{part}", loss, target, w) for part, (loss, w) in losses.items()]
    return LoadedGuidance(
        terms[0] if len(terms) == 1 else Sum(tuple(terms)),
        () if features is None else (features,),
        () if towards.restorer is None else (towards.restorer,),
    )


def own_references(guides: Guides) -> OwnReferences:
    """Return the references of matched faces as a target."""
    from ..pdgrad_core.guidance.targets import OwnReferences
    from ..pdgrad_core.people import stacked

    with outside_inference_mode():
        images, weights = stacked(guides.faces)
        return OwnReferences(tuple(images), weights)


def checked_mask(mask: Tensor, image: Tensor | None = None) -> Tensor:
    """Return a MASK as `(B, 1, H, W)`; one that cannot be used is refused here, before any work.

    Args:
        mask: As it comes from the wire.
        image: `(N, H, W, C)` whose size it must have; None for any.
    """
    from ..pdgrad_core.masks import check_mask

    with outside_inference_mode():
        found = mask_from_host(mask)
        size = found.shape[-2:] if image is None else image.shape[1:3]
        return check_mask(found, size[0], size[1])

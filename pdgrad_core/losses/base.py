"""The contract of a loss: features of x0hat and of a target in, one number per image out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import Self

from ..features.base import FeatureNetwork, Features
from ..masks import Faces, check_same_size, keep_known, known_pixels
from ..registry import Registry


@dataclass(frozen=True)
class Card:
    """What people see of a loss: its node, its help page, its line in lists.

    Attributes:
        title: Of the node; empty: made of the loss's name.
        description: One or two sentences; empty: the class's own first sentence.
        node: The node's id without the pack's prefix; empty: made of the loss's name.
        weight: Factor that the node offers.
        image: What the target image is.
        several: Whether several images may be references that all count for every face.
        restored: Whether the target may be made from the image by a restorer.
        name: What the trace calls the loss where the user gives no name; empty: the loss's name.
        part: What the trace calls its one term; empty: the network's name.
        form: What this loss is called where it shares a node with others.
        forms: What the choice between them means.
        form_of: Name of the loss whose node it shares; empty for one of its own.
        fixed: Parameters that the node does not offer, with their values.
    """

    title: str = ""
    description: str = ""
    node: str = ""
    weight: float = 1.0
    image: str = "Where to pull: the coarse face, or a reference photo, aligned."
    several: bool = False
    restored: bool = False
    name: str = ""
    part: str = ""
    form: str = ""
    forms: str = ""
    form_of: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Loss(ABC):
    """A loss on the features of one network.

    A subclass names its network and taps and gives the loss; the cotangents dL/dfeature follow by
    autograd on the features alone (no network in between). Where they are known in closed form,
    `ClosedFormLoss` is the base.

    Attributes:
        network: Name of the feature network ("arcface", "vgg", "pixels", "discriminator").
        takes_target: Whether it compares x0hat with an image; where not, its target is None.
        card: How it is shown to people.
    """

    network: str
    takes_target: ClassVar[bool] = True
    card: ClassVar[Card] = Card()

    @abstractmethod
    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """Return the names of the network's taps that this loss compares."""

    @abstractmethod
    def __call__(self, network: FeatureNetwork, features: Features, target: Features, /) -> Tensor:
        """Return the loss `(B,)`.

        Args:
            network: The network that made the features.
            features: Of x0hat, by tap, each `(B, ...)`.
            target: What `target` returned, batch B or 1; empty where the loss takes none.
        """

    def target(self, network: FeatureNetwork, image: Tensor, /) -> Features:
        """Return what the loss needs of a target image; called once per run for a fixed image.

        Args:
            network: The network to use.
            image: `(B or 1, 3, H, W)` in [-1, 1].
        """
        with torch.no_grad():
            return network.features(image, self.taps(network))

    def cotangent(
        self, network: FeatureNetwork, features: Features, target: Features, /
    ) -> tuple[Tensor, Features]:
        """Return the loss `(B,)` and dL/dfeature for each tap.

        Args:
            network: As for `__call__`.
            features: As for `__call__`, detached.
            target: As for `__call__`.
        """
        with torch.inference_mode(False), torch.enable_grad():
            leaves = {
                tap: features[tap].detach().clone().requires_grad_() for tap in self.taps(network)
            }
            fixed = {key: value.clone() for key, value in target.items()}
            value = self(network, leaves, fixed)
            gradients = torch.autograd.grad(value.sum(), list(leaves.values()))
        return value.detach(), dict(zip(leaves, gradients, strict=True))

    def placed(self, faces: Faces) -> "Loss":  # noqa: ARG002
        """Return the loss for the faces of a run; itself, unless it has a mask to be fitted."""
        return self


class ClosedFormLoss(Loss):
    """A loss whose cotangents are written out: one formula gives both."""

    @abstractmethod
    def formula(
        self, features: Features, target: Features, network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss `(B,)` and dL/dfeature for each tap.

        Args:
            features: Of x0hat, by tap, each `(B, ...)`.
            target: What `target` returned, batch B or 1; empty where the loss takes none.
            network: The network that made the features.
        """

    def __call__(self, network: FeatureNetwork, features: Features, target: Features, /) -> Tensor:
        """See `Loss`."""
        return self.formula(features, target, network)[0]

    def cotangent(
        self, network: FeatureNetwork, features: Features, target: Features, /
    ) -> tuple[Tensor, Features]:
        """See `Loss`."""
        return self.formula(features, target, network)


class MaskedPixelsLoss(ClosedFormLoss):
    """A closed-form loss on pixels, over the known ones where a mask is given.

    Args:
        mask: `(B or 1, 1, H, W)`, 1 where a pixel is missing; fractions count as missing, as in
            PGDiff's official code. None: every pixel is known.

    Raises:
        InvalidInputError: The mask has another shape.
    """

    network = "pixels"

    def __init__(self, mask: Tensor | None = None) -> None:
        self.mask = mask
        self.known = None if mask is None else known_pixels(mask)

    def taps(self, _network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        return ("image",)

    def target(self, network: FeatureNetwork, image: Tensor, /) -> Features:
        """Return the target image, once its size is known to be the mask's; see `Loss`."""
        check_same_size(self.known, image)
        return super().target(network, image)

    def placed(self, faces: Faces) -> Self:
        """Return the loss with its mask on the faces' device, once it is known to fit them."""
        return self if self.mask is None else type(self)(faces.fitted_mask(self.mask))

    def masked(self, difference: Tensor) -> Tensor:
        """Return a difference `(B, C, H, W)` with zeros where nothing is known."""
        return keep_known(difference, self.known)


LOSSES: "Registry[type[Loss]]" = Registry("loss")
"""The losses by name."""

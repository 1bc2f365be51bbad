"""The contract of a loss: features of x0hat and of a target in, one number per image out."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ..features.base import FeatureNetwork, Features
from ..registry import Registry


class Loss(ABC):
    """A loss on the features of one network.

    A subclass names its network and taps and gives the loss; the cotangents dL/dfeature follow by
    autograd on the features alone (no network in between), or in closed form where that is
    overridden.

    Attributes:
        network: Name of the feature network ("arcface", "vgg", "pixels", "discriminator").
        takes_target: Whether it compares x0hat with an image; where not, its target is None.
    """

    network: str
    takes_target: ClassVar[bool] = True

    @abstractmethod
    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:
        """Return the names of the network's taps that this loss compares."""

    @abstractmethod
    def __call__(self, network: FeatureNetwork, features: Features, target: Features) -> Tensor:
        """Return the loss `(B,)`.

        Args:
            network: The network that made the features.
            features: Of x0hat, by tap, each `(B, ...)`.
            target: What `target` returned, batch B or 1; empty where the loss takes none.
        """

    def target(self, network: FeatureNetwork, image: Tensor) -> Features:
        """Return what the loss needs of a target image; called once per run for a fixed image.

        Args:
            network: The network to use.
            image: `(B or 1, 3, H, W)` in [-1, 1].
        """
        with torch.no_grad():
            return network.features(image, self.taps(network))

    def cotangent(
        self, network: FeatureNetwork, features: Features, target: Features
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


LOSSES: Registry[Loss] = Registry("loss")

"""What the training loop asks of every kind of network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import InvalidInputError
from ...registry import Registry
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource

OBJECTIVES: "Registry[type[Objective]]" = Registry("objective")
"""The objectives by name."""

Losses = dict[str, Tensor]
"""Scalars by name; "loss" is the one that is minimised, the others are reported."""


@dataclass(frozen=True)
class Exported:
    """What is left of a training run for use.

    Attributes:
        tensors: The network's tensors by the names that its loader expects.
        metadata: What its loader must be told beside them.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


class Objective(ABC):
    """Builds a network, says how wrong it is, judges it, and exports it.

    It holds no state that training changes: everything trained is in the module that it builds.

    Args:
        config: The run's numbers.
        faces: The training pictures, for the counts of persons and attributes.
    """

    labelled: ClassVar[bool] = False
    """Whether only pictures of known persons are of use."""

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        self.config = config
        self.people = faces.people
        self.attribute_count = faces.attribute_count
        if self.labelled and self.people < 2:
            raise InvalidInputError(
                f"The {config.objective} network learns from labelled persons, at least 2; "
                f"found {self.people}. Give a folder with one subfolder a person, or labels."
            )

    @abstractmethod
    def build(self) -> nn.Module:
        """Return everything that is trained, freshly initialised from torch's global generator."""

    @abstractmethod
    def losses(self, module: Any, batch: Batch, generator: torch.Generator) -> Losses:
        """Return the losses of a batch.

        Args:
            module: What `build` returned, in training mode.
            batch: On the module's device.
            generator: On the CPU; the only randomness there is.
        """

    @abstractmethod
    def validate(self, module: Any, faces: FaceSource) -> dict[str, float]:
        """Return figures of the averaged module, in evaluation mode, on held-out persons."""

    @abstractmethod
    def sheet(self, module: Any, faces: FaceSource) -> list[Tensor]:
        """Return rows of pictures `(N, 3, S, S)` that show what the averaged module does."""

    @abstractmethod
    def export(self, module: Any) -> Exported:
        """Return the part of the module that is used after training."""


def mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror a random half of the images."""
    flip = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(flip.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)


def home(module: nn.Module) -> torch.device:
    """Return the device of a module."""
    return next(module.parameters()).device

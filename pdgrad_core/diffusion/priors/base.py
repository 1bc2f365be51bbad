"""What every prior that can be loaded has in common, and loading one from a file."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ...checkpoints import Checkpoint, expecting, load_checkpoint
from ...errors import InvalidInputError
from ...registry import Registry
from ..prior import Prediction, Prior, PriorOutput, VarianceKind
from ..schedule import Schedule

PRIORS: "Registry[type[LoadedPrior]]" = Registry("prior")
"""The kinds of priors by name."""


class LoadedPrior(ABC):
    """A diffusion model of faces with its schedule: a `Prior` that the pack can load and move.

    Attributes:
        weights: Names in the catalogue of the published weights of this kind.
        needs_weights: Whether it is made from a file.
        needs_face: Whether it cannot be sampled before `conditioned_on` told it of a face.
        network: What computes.
        schedule: Of the training, T steps.
        prediction: What the network predicts.
        variance: Where Sigma_t comes from.
        image_size: Side of the images that it was trained on, in pixels.
        path: The file it came from, if any.
        is_test: Whether its weights are random test weights.
    """

    weights: ClassVar[tuple[str, ...]] = ()
    needs_weights: ClassVar[bool] = True
    needs_face: ClassVar[bool] = False
    network: nn.Module
    schedule: Schedule
    prediction: Prediction
    variance: VarianceKind
    image_size: int
    path: Path | None = None
    is_test: bool = False

    @classmethod
    @abstractmethod
    def recognises(cls, checkpoint: Checkpoint) -> bool:
        """Return whether a file's tensors are a prior of this kind."""

    @classmethod
    @abstractmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Build the prior with the weights of a file.

        Args:
            checkpoint: Tensors as read by `load_checkpoint`.
            **options: What else its kind can be told.

        Raises:
            CheckpointError: The file belongs to another network, or nothing describes it.
        """

    @abstractmethod
    def __call__(self, x_t: Tensor, t: int) -> PriorOutput:
        """Evaluate at x_t `(B, 3, H, W)` and the original timestep t."""

    def conditioned_on(self, degraded: Tensor) -> Prior:  # noqa: ARG002
        """Return this prior for restoring y `(B, 3, H, W)` in [-1, 1].

        An unconditional prior, the rule, knows nothing of y and is returned itself.
        """
        return self

    def check_size(self, height: int, width: int) -> None:
        """Raise InvalidInputError unless the network can take images of this size in pixels."""
        if (height, width) != (self.image_size, self.image_size):
            raise InvalidInputError(
                f"This prior takes images of {self.image_size}x{self.image_size} pixels, not "
                f"{width}x{height}; resize the image."
            )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """In what the network computes."""
        return next(self.network.parameters()).dtype

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Self:
        """Move the network and set the dtype in which it computes; returns self."""
        self.network.to(device=device, dtype=dtype)
        return self


def load_prior(
    path: Path | str | None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    kind: str | None = None,
    **options: Any,
) -> LoadedPrior:
    """Load a prior; its kind is read off the file.

    Args:
        path: The weight file; None for a kind that needs none.
        device: Where the network is put.
        dtype: In what it computes; its output is float32 either way.
        kind: Key in `PRIORS`; None to recognise the file.
        **options: What the kind's `from_checkpoint` can be told.

    Returns:
        The prior, ready to sample.

    Raises:
        CheckpointError: See `load_checkpoint`; also for a network of no known kind.
        InvalidInputError: The path is missing or one too many.
        UnknownNameError: There is no such kind.
    """
    if path is None:
        if kind is None or PRIORS[kind].needs_weights:
            raise InvalidInputError(f"The prior {kind or 'asked for'} needs its weight file.")
        return PRIORS[kind](**options).to(device, dtype)
    checkpoint = load_checkpoint(path)
    with expecting(checkpoint, "a diffusion prior"):
        member = _recognised(checkpoint) if kind is None else PRIORS[kind]
        prior = member.from_checkpoint(checkpoint, **options)
    return prior.to(device, dtype)


def _recognised(checkpoint: Checkpoint) -> type[LoadedPrior]:
    kinds = list(PRIORS.members.values())
    # Where nobody recognises the file, the first kind says what it misses in it.
    return next((kind for kind in kinds if kind.recognises(checkpoint)), kinds[0])

"""The contract of a contraction: x0hat in, x0hat out, and no memory between runs."""

from abc import ABC, abstractmethod

from torch import Tensor

from ..diffusion.sampler import Record, StepContext
from ..registry import Registry


class Contraction(ABC):
    """A filter on x0hat, applied at each step before guidance and the posterior.

    Registered classes take an image first, then annotated parameters by name. Several contractions
    chain: each gets what the one before returned.
    """

    @abstractmethod
    def __call__(self, x0hat: Tensor, context: StepContext) -> Tensor:
        """Filter one estimate of the clean image.

        Args:
            x0hat: `(B, 3, H, W)`, clipped to [-1, 1].
            context: Where in the run this is.

        Returns:
            The same shape, dtype and device; x0hat itself where it already equals the target.

        Raises:
            InvalidInputError: The target, or its mask, has another size or batch.
        """

    def reset(self) -> None:  # noqa: B027  (most filters have no state)
        """Forget what earlier steps left, before a new run."""

    @property
    def record(self) -> Record:
        """What the trace should show of the last step: numbers, or one per image `(B,)`."""
        return {}


CONTRACTIONS: Registry[Contraction] = Registry("contraction")
"""The contractions by name."""

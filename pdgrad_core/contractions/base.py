"""The contract of a contraction: x0hat in, x0hat out, and no memory between runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import Self

from ..diffusion.sampler import Record, StepContext
from ..registry import Registry


@dataclass(frozen=True)
class Card:
    """What people see of a contraction: its node, its help page, its line in lists.

    Attributes:
        title: Of the node; empty: made of the contraction's name.
        description: One or two sentences; empty: the class's own first sentence.
        node: The node's id without the pack's prefix; empty: made of the contraction's name.
        category: Of the node, within the pack's.
        image: What the image is.
        known: What of it a mask says is missing.
    """

    title: str = ""
    description: str = ""
    node: str = ""
    category: str = "guidance"
    image: str = "What the face is kept true to."
    known: str = "image"


class Contraction(ABC):
    """A filter on x0hat, applied at each step before guidance and the posterior.

    Registered classes take an image first, then annotated parameters by name. Several contractions
    chain: each gets what the one before returned.

    Attributes:
        card: How it is shown to people.
        fitted: Whether it is fitted to its image, from a seed, by `prepare`.
    """

    card: ClassVar[Card] = Card()
    fitted: ClassVar[bool] = False

    @classmethod
    def towards(
        cls,
        image: Tensor,
        mask: Tensor | None = None,
        *,
        seeds: Sequence[int] = (),  # noqa: ARG003  (of those that are fitted)
        **values: Any,
    ) -> Self:
        """Return the contraction towards an image.

        Args:
            image: `(B, 3, H, W)` in [-1, 1].
            mask: `(B or 1, 1, H, W)`, 1 where the image knows nothing.
            seeds: One per image, for those that are fitted.
            **values: The annotated parameters.

        Raises:
            InvalidInputError: An image or a number cannot be used.
        """
        return cls(image, mask, **values)  # type: ignore[call-arg]

    def prepare(
        self,
        on_iteration: Callable[[int, int], None] | None = None,  # noqa: ARG002
    ) -> Tensor | None:
        """Do what is to be done before sampling.

        Args:
            on_iteration: Called with the iterations done and their total; its exceptions end it.

        Returns:
            The image that it is contracted to, where that is known before sampling.
        """
        return None

    @property
    def losses(self) -> list[list[float]]:
        """Each image's loss curve of a contraction that is fitted, up to now."""
        return []

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


CONTRACTIONS: "Registry[type[Contraction]]" = Registry("contraction")
"""The contractions by name."""

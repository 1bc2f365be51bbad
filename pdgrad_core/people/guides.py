"""What guides each face: its own person's references, with their weights, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInputError

_LARGEST = 1e6
"""Of the weights that are typed; their sum stays a number."""


@dataclass(frozen=True, eq=False)
class Guide:
    """The references of one face.

    Attributes:
        references: Aligned faces `(1, 3, S, S)` in [-1, 1]; none for an unknown person.
        weights: One for each reference; they sum to the person's weight.
    """

    references: tuple[Tensor, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is anything that guides."""
        return bool(self.references)


def stacked(guides: Sequence[Guide]) -> tuple[list[Tensor], Tensor]:
    """Return the references of faces that are restored together.

    Args:
        guides: One per face, each with a reference at least.

    Returns:
        As many `(B, 3, S, S)` as the face with most references has, and the weights
        `(references, B)`. A face with fewer has its first one again, with weight 0.

    Raises:
        InvalidInputError: A face has no reference.
    """
    if not guides or not all(guide.known for guide in guides):
        raise InvalidInputError("Every face that is guided needs a reference at least.")
    most = max(len(guide.references) for guide in guides)
    references = [
        torch.cat([(*guide.references, *guide.references[:1] * most)[i] for guide in guides])
        for i in range(most)
    ]
    weights = torch.tensor(
        [[guide.weights[i] if i < len(guide.weights) else 0.0 for guide in guides]
         for i in range(most)]
    )  # fmt: skip
    return references, weights


def weights_from_text(text: str, references: int) -> tuple[float, ...]:
    """Return how much each reference counts, summing to 1.

    Args:
        text: Numbers from 0 up with commas between them, as in "3, 1"; empty for alike.
        references: How many there are.

    Raises:
        InvalidInputError: They are not as many numbers, or none is above 0.
    """
    if not text.strip():
        return (1 / references,) * references if references else ()
    try:
        found = [float(one) for one in text.split(",")]
    except ValueError:
        found = []
    good = all(0 <= one <= _LARGEST for one in found) and sum(found) > 0
    if len(found) != references or not good:
        raise InvalidInputError(
            f"The weights of {references} references are as many numbers from 0 up, as in "
            f"{', '.join(['1'] * max(references, 1))}, not {text.strip()!r}."
        )
    return tuple(one / sum(found) for one in found)

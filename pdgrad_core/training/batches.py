"""What training draws from: a set of faces, some of them at a time."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Some pictures and what is known about them.

    Attributes:
        images: `(B, 3, S, S)` in [-1, 1].
        labels: Person, `(B,)` int64 from 0; -1 where unknown.
        attributes: What the pictures show, `(B, A)` standardised, or None.
        originals: What `images` were before they were enhanced, the same shape, or None.
        landmarks: `(B, 5, 2)` or `(B, 68, 2)` in pixels `(x, y)`, or None where they are not known.
    """

    images: Tensor
    labels: Tensor
    attributes: Tensor | None = None
    originals: Tensor | None = None
    landmarks: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device."""
        attributes = None if self.attributes is None else self.attributes.to(device)
        originals = None if self.originals is None else self.originals.to(device)
        landmarks = None if self.landmarks is None else self.landmarks.to(device)
        return Batch(
            self.images.to(device), self.labels.to(device), attributes, originals, landmarks
        )


class FaceSource(Protocol):
    """A split of a set of faces."""

    @property
    def people(self) -> int:
        """Number of persons; labels are below it. 0 where nobody is labelled."""
        ...

    @property
    def attribute_count(self) -> int:
        """A of the attributes, 0 for none."""
        ...

    def draw(self, generator: torch.Generator, count: int) -> Batch:
        """Draw a batch at random, with replacement."""
        ...

    def first(self, count: int) -> Batch:
        """Return a fixed batch of at most `count`, several pictures of a person in a row."""
        ...

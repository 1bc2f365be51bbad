"""Which steps of a sampler's schedule are guided."""

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = 1e-3
"""Samplers compute noise levels in 32 bits, and some by way of their logarithm."""


@dataclass(frozen=True)
class GuidedSteps:
    """The part of a run that is guided.

    Attributes:
        sigmas: The run's noise levels, the largest first, the last one where it ends; empty where
            they are not known, then every call is a step.
        start: The largest level that is guided.
        end: The smallest.
        every: k: each k-th of the steps between them, the first included.
    """

    sigmas: Sequence[float]
    start: float = float("inf")
    end: float = 0.0
    every: int = 1

    def index(self, sigma: float) -> int:
        """Return the step that a noise level belongs to: the last whose own level is not below it.

        Samplers that look between two levels, or twice at one, belong to one step that way.
        """
        if not self.sigmas:
            return 0
        reached = sum(level * (1 + TOLERANCE) >= sigma for level in self.sigmas[:-1])
        return max(0, reached - 1)

    def within(self, sigma: float) -> bool:
        """Return whether a noise level lies between start and end, both included."""
        return self.end <= sigma <= self.start

    def is_guided(self, sigma: float, calls: int = 0) -> bool:
        """Return whether a step at this noise level is guided.

        Args:
            sigma: Its noise level.
            calls: Steps so far, which count where the schedule is not known.
        """
        if not self.within(sigma):
            return False
        if not self.sigmas:
            return calls % self.every == 0
        return (self.index(sigma) - self._first) % self.every == 0

    @property
    def _first(self) -> int:
        inside = [i for i, level in enumerate(self.sigmas[:-1]) if self.within(level)]
        return inside[0] if inside else 0

    @property
    def total(self) -> int:
        """Steps that are guided, where each is taken once; 0 where that is not known."""
        return sum(self.is_guided(level) for level in self.sigmas[:-1])

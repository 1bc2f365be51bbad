"""The contract of a stepper: one record in, the distribution of x_{t-1} out."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ...registry import Registry
from ..ddpm import log_variance
from ..prior import PriorOutput, VarianceKind
from ..schedule import Schedule

STEPPERS: "Registry[type[Stepper]]" = Registry("stepper")
"""The steppers by name."""


@dataclass(frozen=True)
class StepInputs:
    """What is known when a step is taken.

    Attributes:
        x0hat: The estimate of the clean image, clipped and contracted, `(B, C, H, W)`.
        x_t: The state, the same shape.
        output: What the prior answered at x_t.
        schedule: The run's.
        i: Index into the schedule.
        kind: Where Sigma_t comes from.
    """

    x0hat: Tensor
    x_t: Tensor
    output: PriorOutput
    schedule: Schedule
    i: int
    kind: VarianceKind

    @property
    def sigma(self) -> Tensor | float:
        """Sigma_t of DDPM: a tensor where the network gives its fraction, else a number."""
        value = log_variance(self.output, self.schedule, self.i, self.kind)
        return torch.exp(value) if isinstance(value, Tensor) else math.exp(value)


@dataclass(frozen=True)
class ReverseStep:
    """The distribution of x_{t-1} before guidance.

    Attributes:
        mean: `(B, C, H, W)`.
        std: Standard deviation of the noise to add, a number or `(B, C, H, W)`; 0 at the last step.
        variance: Sigma_t, by which constant guidance scales its gradient.
    """

    mean: Tensor
    std: Tensor | float
    variance: Tensor | float


class Stepper(ABC):
    """Turns x0hat into the distribution of x_{t-1}.

    Registered classes are constructed without arguments, or with annotated parameters.
    """

    @abstractmethod
    def __call__(self, step: StepInputs, /) -> ReverseStep:
        """Return the distribution of x_{t-1}; finite, and without noise where `step.i` is 0."""

"""What travels between the sampling loop and its parts, and what each part is asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import Tensor

from .finiteness import Finiteness

Record = dict[str, Tensor | float]
"""What a guidance reports of one step: numbers, or one number per image `(B,)`."""


@dataclass(frozen=True)
class StepContext:
    """Where in the run a guidance or a contraction is called.

    Attributes:
        x_t: The current state, `(B, C, H, W)`.
        t: Original timestep.
        index: Index into the run's schedule, counting down to 0.
        repeat: 0, or the number of gradient steps already taken at this t.
        finiteness: Where a part notes what of its own has to be finite, to be read when the step is
            over; None where it is to look at once.
    """

    x_t: Tensor
    t: int
    index: int
    repeat: int = 0
    finiteness: Finiteness | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Guided:
    """A guidance's answer: g = dL/dx0hat `(B, C, H, W)`, and what the trace should show."""

    gradient: Tensor
    record: Record = field(default_factory=dict[str, "Tensor | float"])


Guidance = Callable[[Tensor, StepContext], Guided]
"""Gradient of a loss at the detached, clipped, contracted x0hat `(B, C, H, W)`."""

ContractionFn = Callable[[Tensor, StepContext], Tensor]
"""A filter on x0hat: `(B, C, H, W)` to the same shape."""

StepImage = Callable[[StepContext], Tensor]
"""An image `(B, 3, H, W)` that depends on the step, as PGDiff's restorer f(y, x_t, t) does."""


@runtime_checkable
class Stateful(Protocol):
    """A guidance or a contraction that remembers something between steps."""

    def reset(self) -> None:
        """Forget what earlier steps left, before a new run."""
        ...


@runtime_checkable
class Releasing(Protocol):
    """A part that holds memory which is of use to one run only."""

    def release(self) -> None:
        """Give it back, when the run is over or has failed."""
        ...


@runtime_checkable
class Noting(Protocol):
    """A part that may have computed otherwise than it was asked to, with the same result."""

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A contraction that has something to say in the trace."""

    @property
    def record(self) -> Record:
        """What the trace should show of the last step."""
        ...


class Strength(Protocol):
    """How far a gradient moves the step: on the mean before the noise, or on the drawn sample."""

    def on_mean(self, mean: Tensor, variance: Tensor | float, g: Tensor) -> Tensor:
        """Return the guided mean."""
        ...

    def on_sample(self, x_prev: Tensor, x_t: Tensor, g: Tensor) -> Tensor:
        """Return the guided sample."""
        ...


@dataclass(frozen=True)
class StepState:
    """What a callback sees after each step.

    Attributes:
        done: Steps done, gradient repeats included.
        total: Steps of the whole run.
        context: Where the step was taken (x_t, t, index, repeat).
        x0hat: The estimate of the clean image, clipped and contracted.
        x_prev: The step's result.
        record: The trace row of this step; see `SampleResult.trace`.
    """

    done: int
    total: int
    context: StepContext
    x0hat: Tensor
    x_prev: Tensor
    record: Record


@dataclass(frozen=True)
class Watch:
    """Who follows a run.

    Attributes:
        on_step: Called after each step; its exceptions end the run.
        should_stop: Asked before each step.
    """

    on_step: Callable[[StepState], None] | None = None
    should_stop: Callable[[], bool] | None = None


@dataclass(frozen=True)
class StepTaken:
    """What one reverse step made.

    Attributes:
        x0hat: The estimate of the clean image, clipped and contracted.
        unguided: x_{t-1} as it would be without guidance.
        x_prev: x_{t-1}.
        guided: The guidance's answer, where there is a guidance.
    """

    x0hat: Tensor
    unguided: Tensor
    x_prev: Tensor
    guided: Guided | None = None


@dataclass(frozen=True)
class SampleResult:
    """A finished run.

    Attributes:
        image: `(B, C, H, W)`, not clipped.
        trace: One row per step: "t", "repeat", "step_norm" |x_t - x_{t-1}| before guidance,
            "shift_norm" |guided - unguided|, and whatever the guidance recorded.
        notes: A sentence for what was computed otherwise than asked, such as a part that could not
            be replayed.
    """

    image: Tensor
    trace: list[Record]
    notes: tuple[str, ...] = ()

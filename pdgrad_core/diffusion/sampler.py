"""The sampling loop: predict x0hat, contract, take the gradient, form the mean, step.

The loop knows guidance, contractions and strength as callables only, so any prior (a U-Net, a
closed form in a test) and any guidance (PDGrad, PGDiff, none) go through the same page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InvalidInputError, NonFiniteGradientError, SamplingStopped
from .ddpm import DDPM, Stepper, add_noise, predict_x0
from .noise import NoiseSource
from .prior import Prior
from .schedule import Schedule

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
    """

    x_t: Tensor
    t: int
    index: int
    repeat: int = 0


@dataclass(frozen=True)
class Guided:
    """A guidance's answer: g = dL/dx0hat `(B, C, H, W)`, and what the trace should show."""

    gradient: Tensor
    record: Record = field(default_factory=dict[str, "Tensor | float"])


Guidance = Callable[[Tensor, StepContext], Guided]
"""Gradient of a loss at the detached, clipped, contracted x0hat `(B, C, H, W)`."""

ContractionFn = Callable[[Tensor, StepContext], Tensor]
"""A filter on x0hat: `(B, C, H, W)` to the same shape.

Where it has a `reset()`, that is called before a run; where it has a `record`, the trace shows it.
"""


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
class SampleResult:
    """A finished run.

    Attributes:
        image: `(B, C, H, W)`, not clipped.
        trace: One row per step: "t", "repeat", "step_norm" |x_t - x_{t-1}| before guidance,
            "shift_norm" |guided - unguided|, and whatever the guidance recorded.
    """

    image: Tensor
    trace: list[Record]


@dataclass(frozen=True)
class Sampler:
    """A configured reverse process.

    Attributes:
        prior: Predicts x0hat.
        schedule: The timesteps of this run (`Schedule.plan`).
        guidance: Gives g, or None for plain sampling.
        strength: How g is applied; needed with a guidance.
        contractions: Filters on x0hat, applied in order.
        stepper: DDPM (default) or DDIM.
        gradient_steps: N; a step inside the window is repeated until N gradients were taken.
        gradient_window: (S_end, S_start) in original timesteps, both excluded.
        clip: Whether x0hat is clipped to [-1, 1] before contraction and guidance.
    """

    prior: Prior
    schedule: Schedule
    guidance: Guidance | None = None
    strength: Strength | None = None
    contractions: Sequence[ContractionFn] = ()
    stepper: Stepper = field(default_factory=DDPM)
    gradient_steps: int = 1
    gradient_window: tuple[int, int] = (700, 1000)
    clip: bool = True

    def __post_init__(self) -> None:
        if self.guidance is not None and self.strength is None:
            raise InvalidInputError("A guidance needs a strength; give one, or leave both out.")
        if self.gradient_steps < 1:
            raise InvalidInputError(f"Gradient steps must be 1 or more, not {self.gradient_steps}.")

    @property
    def total_steps(self) -> int:
        """Network evaluations of a run, gradient repeats included."""
        return sum(self.repeats(int(t)) for t in self.schedule.timesteps)

    def start_from(self, image: Tensor, noise: NoiseSource) -> Tensor:
        """Return x_tau = sqrt(abar) image + sqrt(1 - abar) e at the run's first step."""
        return add_noise(image, noise(), self.schedule, len(self.schedule) - 1)

    @torch.no_grad()
    def run(
        self,
        x: Tensor,
        noise: NoiseSource,
        on_step: Callable[[StepState], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> SampleResult:
        """Sample from the run's first step down to t = 0.

        Args:
            x: The state at the first step, `(B, C, H, W)`: pure noise, or `start_from`'s result.
            noise: Draws the noise of each step.
            on_step: Called after each step; its exceptions end the run.
            should_stop: Asked before each step.

        Returns:
            The image and the trace.

        Raises:
            SamplingStopped: `should_stop` said so.
            NonFiniteGradientError: The guidance returned NaN or infinite values.
        """
        trace: list[Record] = []
        total = self.total_steps
        for contract in self.contractions:
            getattr(contract, "reset", lambda: None)()
        for index in reversed(range(len(self.schedule))):
            t = int(self.schedule.timesteps[index])
            for repeat in range(self.repeats(t)):
                if should_stop is not None and should_stop():
                    raise SamplingStopped(f"Sampling was stopped at timestep {t}.")
                context = StepContext(x, t, index, repeat)
                x0hat, x, record = self.step(context, noise)
                trace.append(record)
                if on_step is not None:
                    on_step(StepState(len(trace), total, context, x0hat, x, record))
        return SampleResult(x, trace)

    def repeats(self, t: int) -> int:
        """Return how many steps are taken at the original timestep t: N inside the window."""
        end, start = self.gradient_window
        inside = self.guidance is not None and end < t < start
        return self.gradient_steps if inside else 1

    def step(self, context: StepContext, noise: NoiseSource) -> tuple[Tensor, Tensor, Record]:
        """Take one reverse step.

        Args:
            context: Where: x_t `(B, C, H, W)`, t and the index into the schedule.
            noise: Draws z; drawn at the last step too, so that a run takes one draw per step.

        Returns:
            x0hat (clipped and contracted), x_{t-1}, and the step's trace row.

        Raises:
            NonFiniteGradientError: See `run`.
        """
        x_t, i = context.x_t, context.index
        output = self.prior(x_t, context.t)
        x0hat = predict_x0(output.prediction, x_t, self.schedule, i, self.prior.prediction)
        if self.clip:
            x0hat = x0hat.clamp(-1, 1)
        record: Record = {"t": context.t, "repeat": context.repeat}
        for contract in self.contractions:
            x0hat = contract(x0hat, context)
            record.update(getattr(contract, "record", {}))
        step = self.stepper(x0hat, x_t, output, self.schedule, i, self.prior.variance)
        jitter = step.std * noise()
        unguided = step.mean + jitter
        record["step_norm"] = per_image_norm(x_t - unguided)
        if self.guidance is None or self.strength is None:
            return x0hat, unguided, record
        guided = self.guidance(x0hat, context)
        check_finite(guided, context.t)
        mean = self.strength.on_mean(step.mean, step.variance, guided.gradient)
        x_prev = self.strength.on_sample(mean + jitter, x_t, guided.gradient)
        record["shift_norm"] = per_image_norm(x_prev - unguided)
        record.update(guided.record)
        return x0hat, x_prev, record


def per_image_norm(x: Tensor) -> Tensor:
    """Return the 2-norm over all elements of each image: `(B, ...)` to `(B,)`.

    The largest element is taken out first, so that no square over- or underflows in float32.
    """
    flat = x.flatten(1)
    scale = flat.abs().amax(dim=1, keepdim=True)
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (flat / safe).norm(dim=1) * scale[:, 0]


def check_finite(guided: Guided, t: int) -> None:
    """Raise NonFiniteGradientError, naming the recorded terms that are not finite, if g is not."""
    if bool(torch.isfinite(guided.gradient).all()):
        return
    culprits = [
        name
        for name, value in guided.record.items()
        if not bool(torch.isfinite(torch.as_tensor(value)).all())
    ]
    raise NonFiniteGradientError(
        f"The guidance gradient is NaN or infinite at timestep {t}"
        + (f" (not finite: {', '.join(culprits)})" if culprits else "")
        + "; lower the strength or the weights, or compute in float32."
    )

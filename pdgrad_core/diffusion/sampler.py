"""The sampling loop: predict x0hat, contract, take the gradient, form the mean, step.

The loop knows guidance, contractions and strength as callables only, so any prior (a U-Net, a
closed form in a test) and any guidance (PDGrad, PGDiff, none) go through the same page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..errors import (
    InvalidInputError,
    NonFiniteError,
    NonFiniteGradientError,
    SamplingStopped,
)
from ..true_float32 import true_float32
from .ddpm import add_noise, predict_x0
from .finiteness import Finiteness
from .noise import NoiseSource
from .prior import Prior
from .records import (
    ContractionFn,
    Guidance,
    Guided,
    Noting,
    Record,
    Releasing,
    Reporting,
    SampleResult,
    Stateful,
    StepContext,
    StepImage,
    StepState,
    StepTaken,
    Strength,
    Watch,
)
from .schedule import Schedule
from .steppers import DDPM, StepInputs, Stepper

__all__ = [
    "ContractionFn",
    "Guidance",
    "Guided",
    "Record",
    "SampleResult",
    "Sampler",
    "StepContext",
    "StepImage",
    "StepState",
    "StepTaken",
    "Strength",
    "Watch",
]


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

    @true_float32()
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
            NonFiniteError: Prior, contraction, guidance or step gave NaN or infinite values.
        """
        from .noise_ahead import drawn_ahead

        self.reset()
        try:
            with drawn_ahead(noise, self.total_steps) as source:
                return self._run(x, source, on_step, should_stop)
        finally:
            if isinstance(self.guidance, Releasing):
                self.guidance.release()

    def _run(
        self,
        x: Tensor,
        noise: NoiseSource,
        on_step: Callable[[StepState], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> SampleResult:
        trace: list[Record] = []
        total = self.total_steps
        for index in reversed(range(len(self.schedule))):
            t = int(self.schedule.timesteps[index])
            for repeat in range(self.repeats(t)):
                if should_stop is not None and should_stop():
                    raise SamplingStopped(f"Sampling was stopped at timestep {t}.")
                context = StepContext(x, t, index, repeat)
                taken = self.step(context, noise)
                x = taken.x_prev
                trace.append(self._trace_row(context, taken))
                if on_step is not None:
                    on_step(StepState(len(trace), total, context, taken.x0hat, x, trace[-1]))
        parts = [part for part in (self.prior, self.guidance) if isinstance(part, Noting)]
        return SampleResult(x, trace, tuple(note for part in parts for note in part.notes))

    def reset(self) -> None:
        """Let prior, guidance and contractions forget earlier runs."""
        for part in (*self.contractions, self.guidance, self.prior):
            if isinstance(part, Stateful):
                part.reset()

    def repeats(self, t: int) -> int:
        """Return how many steps are taken at the original timestep t: N inside the window."""
        end, start = self.gradient_window
        inside = self.guidance is not None and end < t < start
        return self.gradient_steps if inside else 1

    def step(self, context: StepContext, noise: NoiseSource) -> StepTaken:
        """Take one reverse step.

        Args:
            context: Where: x_t `(B, C, H, W)`, t and the index into the schedule.
            noise: Draws z; drawn at the last step too, so that a run takes one draw per step.

        Raises:
            NonFiniteError: See `run`.
        """
        finiteness = Finiteness()
        try:
            taken = self.launch(replace(context, finiteness=finiteness), noise)
        except NonFiniteError:
            finiteness.read()  # what was not finite first
            raise
        finiteness.read()
        return taken

    @true_float32()
    def launch(self, context: StepContext, noise: NoiseSource) -> StepTaken:
        """Compute one reverse step without waiting for the device.

        Args:
            context: As for `step`, with a `finiteness` that the caller reads afterwards.
            noise: As for `step`.
        """
        finiteness = context.finiteness
        assert finiteness is not None
        x_t, i, at = context.x_t, context.index, f"at timestep {context.t}"
        output = self.prior(x_t, context.t)
        finiteness.expect_all(f"What the prior predicts {at}", output.prediction)
        if output.variance_fraction is not None:
            what = f"The variance that the prior predicts {at}"
            finiteness.expect_all(what, output.variance_fraction)
        x0hat = predict_x0(output.prediction, x_t, self.schedule, i, self.prior.prediction)
        x0hat = x0hat.clamp(-1, 1) if self.clip else x0hat
        for contract in self.contractions:
            x0hat = contract(x0hat, context)
            finiteness.expect_all(f"What {type(contract).__name__} contracts x0hat to {at}", x0hat)
        step = self.stepper(StepInputs(x0hat, x_t, output, self.schedule, i, self.prior.variance))
        z = step.std * noise()
        unguided = step.mean + z
        finiteness.expect_all(f"The step of {type(self.stepper).__name__} {at}", unguided)
        if self.guidance is None or self.strength is None:
            return StepTaken(x0hat, unguided, unguided)
        guided = self.guidance(x0hat, context)
        expect_gradient(finiteness, guided, context.t)
        mean = self.strength.on_mean(step.mean, step.variance, guided.gradient)
        x_prev = self.strength.on_sample(mean + z, x_t, guided.gradient)
        finiteness.expect_all(f"The guided step {at}", x_prev, "lower the strength")
        return StepTaken(x0hat, unguided, x_prev, guided)

    def _trace_row(self, context: StepContext, taken: StepTaken) -> Record:
        """Return what the trace keeps of a step; see `SampleResult.trace`."""
        row: Record = {"t": context.t, "repeat": context.repeat}
        for contract in self.contractions:
            if isinstance(contract, Reporting):
                row.update(contract.record)
        row["step_norm"] = per_image_norm(context.x_t - taken.unguided)
        if taken.guided is not None:
            row["shift_norm"] = per_image_norm(taken.x_prev - taken.unguided)
            row.update(taken.guided.record)
        return row


def per_image_norm(x: Tensor) -> Tensor:
    """Return the 2-norm over all elements of each image: `(B, ...)` to `(B,)`.

    The largest element is taken out first, so that no square over- or underflows in float32.
    """
    flat = x.flatten(1)
    scale = flat.abs().amax(dim=1, keepdim=True)
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (flat / safe).norm(dim=1) * scale[:, 0]


def expect_gradient(finiteness: Finiteness, guided: Guided, t: int) -> None:
    """Note that g has to be finite; the error names the recorded terms that are not."""

    def error() -> NonFiniteGradientError:
        culprits = [
            name
            for name, value in guided.record.items()
            if not bool(torch.isfinite(torch.as_tensor(value)).all())
        ]
        return NonFiniteGradientError(
            f"The guidance gradient is NaN or infinite at timestep {t}"
            + (f" (not finite: {', '.join(culprits)})" if culprits else "")
            + "; lower the strength or the weights, or compute in float32."
        )

    finiteness.expect(torch.isfinite(guided.gradient).all(), error)

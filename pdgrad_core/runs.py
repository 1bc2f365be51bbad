"""One reverse process from its numbers: what the pipeline, the sampler node and the studies run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from .diffusion.noise import NoiseSource
from .diffusion.prior import Prior
from .diffusion.sampler import ContractionFn, Sampler, SampleResult, StepState
from .diffusion.schedule import Schedule
from .diffusion.steppers import STEPPERS, Stepper
from .features.base import FeatureNetwork
from .guidance.strengths import STRENGTHS, Scope, make_strength
from .guidance.terms import Expression
from .parameters import Param, accepted

Tau = Annotated[
    int,
    Param(
        1, 1000, 1,
        tooltip="Start of the reverse process, of 1000: more changes the face more.",
    ),
]  # fmt: skip
Steps = Annotated[int, Param(1, 1000, 1, tooltip="Steps executed below tau.")]
Respacing = Annotated[
    str, Param(tooltip='Instead of steps: "ddpm100", "ddim50", "250", ... over all of the 1000.')
]
StepperName = Annotated[
    str, Param(choices=tuple(STEPPERS), what="stepper", tooltip="How x0hat becomes x_{t-1}.")
]
Eta = Annotated[float, Param(0.0, 1.0, 0.05, tooltip="DDIM's stochasticity; ddpm ignores it.")]
StrengthMode = Annotated[
    str,
    Param(
        choices=tuple(STRENGTHS), what="strength mode",
        tooltip="Where guidance acts and what its strength is a fraction of.",
    ),
]  # fmt: skip
Strength = Annotated[float, Param(0.0, 1e9, 0.01, tooltip="How strongly guidance pulls.")]
StrengthScope = Annotated[
    Scope,
    Param(
        choices=("image", "channel"),
        tooltip="A dynamic strength's length is set for the image or for each colour channel.",
    ),
]
GradientSteps = Annotated[
    int, Param(1, 100, 1, tooltip="N: gradients taken at each step in the window.")
]
GradientWindow = Annotated[
    tuple[int, int],
    Param(0, 1001, 1, "timesteps", "Lower and upper end of that window, both excluded."),
]


@dataclass(frozen=True, kw_only=True)
class Process:
    """The numbers of a reverse process; wrong ones are refused by `sampler`, before any work.

    Attributes:
        tau: Where it starts, 1..1000: more is freer from the image it starts from.
        steps: Steps executed below tau.
        respacing: A respacing string instead of `steps`; empty for even steps.
        stepper: Key in `STEPPERS`.
        eta: DDIM's stochasticity, 0..1.
        strength_mode: Key in `STRENGTHS`.
        strength: s, 0 or more.
        strength_scope: Whether a dynamic strength is set for the image or each colour channel.
        gradient_steps: N.
        gradient_window: (S_end, S_start), original timesteps, both excluded.
    """

    tau: Tau = 700
    steps: Steps = 100
    respacing: Respacing = ""
    stepper: StepperName = "ddpm"
    eta: Eta = 0.0
    strength_mode: StrengthMode = "dynamic"
    strength: Strength = 0.2
    strength_scope: StrengthScope = "image"
    gradient_steps: GradientSteps = 1
    gradient_window: GradientWindow = (700, 1000)

    def plan(self, schedule: Schedule) -> Schedule:
        """Return the timesteps of the run.

        Raises:
            ScheduleError: tau cannot give them.
        """
        if self.respacing.strip():
            return schedule.plan(self.tau, None, self.respacing.strip())
        return schedule.plan(self.tau, self.steps)

    def sampler(self, prior: Prior) -> Sampler:
        """Return the configured reverse process, without guidance and contractions.

        Args:
            prior: The prior to sample.

        Raises:
            InvalidInputError: A number is out of its range; UnknownNameError, a name is not known.
        """
        return Sampler(
            prior=prior,
            schedule=self.plan(prior.schedule),
            strength=make_strength(self.strength_mode, self.strength, self.strength_scope),
            stepper=make_stepper(self.stepper, self.eta),
            gradient_steps=self.gradient_steps,
            gradient_window=self.gradient_window,
        )


def make_stepper(name: str, eta: float = 0.0) -> Stepper:
    """Return a stepper by name.

    Args:
        name: Key in `STEPPERS`.
        eta: For the steppers that have one.

    Raises:
        UnknownNameError: There is no such stepper.
        InvalidInputError: eta is not in 0..1.
    """
    stepper = STEPPERS[name]
    return stepper(**accepted(stepper, {"eta": eta}))


@dataclass(frozen=True)
class Run:
    """A reverse process that is ready to go.

    Attributes:
        sampler: With its guidance and contractions.
        start: x at the first step, `(B, 3, H, W)`.
        noise: Draws the noise of each step.
    """

    sampler: Sampler
    start: Tensor
    noise: NoiseSource

    @property
    def total_steps(self) -> int:
        """Network evaluations, gradient repeats included."""
        return self.sampler.total_steps

    def __call__(
        self,
        on_step: Callable[[StepState], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> SampleResult:
        """Sample; see `Sampler.run`."""
        return self.sampler.run(self.start, self.noise, on_step, should_stop)


def prepare_run(
    process: Process,
    prior: Prior,
    noise: NoiseSource,
    start: Tensor | None,
    *,
    guidance: Expression | None = None,
    networks: Mapping[str, FeatureNetwork] | None = None,
    contractions: Sequence[ContractionFn] = (),
) -> Run:
    """Put a run together: compile the guidance, draw the noise that it starts from.

    Args:
        process: Its numbers.
        prior: What is sampled.
        noise: Draws `(B, 3, H, W)`: first the start's, then each step's.
        start: The image that is noised up to tau, `(B, 3, H, W)` in [-1, 1]; None to start from
            noise alone.
        guidance: Its pictures placed; None for plain sampling.
        networks: Feature networks by name.
        contractions: Filters on x0hat, in order.

    Raises:
        InvalidInputError: A number, a target or a network does not fit; see `Process.sampler` and
            `compile_guidance`.
    """
    from .guidance.gradients import compile_guidance
    from .guidance.replayed import replayed_where_asked

    sampler = replace(process.sampler(prior), contractions=contractions)
    x = noise() if start is None else sampler.start_from(start, noise)
    if guidance is not None:
        compiled = compile_guidance(guidance, networks or {})
        sampler = replace(sampler, guidance=replayed_where_asked(compiled, x.device))
    return Run(sampler, x, noise)

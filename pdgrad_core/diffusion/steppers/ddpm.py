"""The ancestral step of DDPM."""

from ..ddpm import posterior_mean
from .base import STEPPERS, ReverseStep, StepInputs, Stepper


@STEPPERS.register("ddpm")
class DDPM(Stepper):
    """The ancestral step x_{t-1} ~ N(mu(x_t, x0hat), Sigma_t).

    Source: Ho et al. 2020, algorithm 2.
    """

    def __call__(self, step: StepInputs, /) -> ReverseStep:
        """See `Stepper`."""
        variance = step.sigma
        std = variance**0.5 if step.i > 0 else 0.0
        return ReverseStep(
            posterior_mean(step.x0hat, step.x_t, step.schedule, step.i), std, variance
        )

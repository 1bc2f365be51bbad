"""A stepper that goes straight to x0hat's mean."""

import math

from .base import STEPPERS, ReverseStep, Stepper


@STEPPERS.register("toy_stepper")
class ToyStepper(Stepper):
    """x_{t-1} = sqrt(abar) x0hat, without noise."""

    def __call__(self, step, /):
        abar = float(step.schedule.alphas_cumprod_prev[step.i])
        return ReverseStep(math.sqrt(abar) * step.x0hat, 0.0, step.sigma)

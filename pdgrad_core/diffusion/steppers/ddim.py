"""The DDIM step, from deterministic to DDPM's own randomness."""

import math
from typing import Annotated

from ...errors import InvalidInputError
from ...parameters import Param
from ..ddpm import predict_eps
from .base import STEPPERS, ReverseStep, StepInputs, Stepper


@STEPPERS.register("ddim")
class DDIM(Stepper):
    """The DDIM step with stochasticity eta (0: deterministic).

    Source: Song et al. 2021, eq. 12 and 16. The noise direction is taken from the filtered x0hat,
    so that contractions and clipping act here as they do in DDPM.

    Deviations: guidance has no published form here. DDPM's Sigma_t scales it whatever eta is, so
    that a strength means the same in both steppers (with DDIM's own variance, eta = 0 would switch
    it off).

    Args:
        eta: Fraction of DDPM's posterior noise that is added, 0..1.

    Raises:
        InvalidInputError: eta outside 0..1.
    """

    def __init__(
        self,
        eta: Annotated[
            float, Param(0.0, 1.0, 0.05, tooltip="Fraction of DDPM's noise that ddim adds.")
        ] = 0.0,
    ) -> None:
        if not 0 <= eta <= 1:
            raise InvalidInputError(f"DDIM's eta must be from 0 to 1, not {eta}.")
        self.eta = eta

    def __call__(self, step: StepInputs, /) -> ReverseStep:
        """See `Stepper`."""
        schedule, i = step.schedule, step.i
        abar_prev = float(schedule.alphas_cumprod_prev[i])
        variance = self.eta**2 * float(schedule.posterior_variance[i])  # eq. 16
        eps = predict_eps(step.x0hat, step.x_t, schedule, i)
        direction = math.sqrt(max(1 - abar_prev - variance, 0.0))
        mean = math.sqrt(abar_prev) * step.x0hat + direction * eps  # eq. 12
        return ReverseStep(mean, math.sqrt(variance) if i > 0 else 0.0, step.sigma)

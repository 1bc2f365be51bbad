"""One reverse step, equation by equation: x0hat, the posterior, and the two steppers.

Source: Ho et al. 2020 (DDPM); Nichol & Dhariwal 2021 (learned range); Song et al. 2021 (DDIM).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InvalidInputError
from .prior import Prediction, PriorOutput, VarianceKind
from .schedule import Schedule


def add_noise(x0: Tensor, noise: Tensor, schedule: Schedule, i: int) -> Tensor:
    """Return x_t, a sample of q(x_t | x_0).

    Args:
        x0: `(B, C, H, W)`.
        noise: Standard normal, the same shape.
        schedule: Gives abar.
        i: Index into the schedule.
    """
    a, b = schedule.sqrt_alphas_cumprod[i], schedule.sqrt_one_minus_alphas_cumprod[i]
    return float(a) * x0 + float(b) * noise


def predict_x0(
    output: Tensor, x_t: Tensor, schedule: Schedule, i: int, prediction: Prediction
) -> Tensor:
    """Return x0hat (unclipped) from what the network predicts.

    Args:
        output: The network's prediction, `(B, C, H, W)`.
        x_t: The network's input, the same shape.
        schedule: Gives abar.
        i: Index into the schedule.
        prediction: What `output` is.
    """
    if prediction == "x0":
        return output
    if prediction == "v":
        a, b = schedule.sqrt_alphas_cumprod[i], schedule.sqrt_one_minus_alphas_cumprod[i]
        return float(a) * x_t - float(b) * output
    a, b = schedule.sqrt_recip_alphas_cumprod[i], schedule.sqrt_recipm1_alphas_cumprod[i]
    return float(a) * x_t - float(b) * output


def predict_eps(x0hat: Tensor, x_t: Tensor, schedule: Schedule, i: int) -> Tensor:
    """Return the noise that x0hat implies: x_t = sqrt(abar) x0hat + sqrt(1 - abar) eps."""
    a, b = schedule.sqrt_alphas_cumprod[i], schedule.sqrt_one_minus_alphas_cumprod[i]
    return (x_t - float(a) * x0hat) / float(b)


def posterior_mean(x0hat: Tensor, x_t: Tensor, schedule: Schedule, i: int) -> Tensor:
    """Return mu, the mean of q(x_{t-1} | x_t, x_0 = x0hat)."""
    c0, ct = schedule.posterior_mean_coef1[i], schedule.posterior_mean_coef2[i]
    return float(c0) * x0hat + float(ct) * x_t


def log_variance(
    output: PriorOutput, schedule: Schedule, i: int, kind: VarianceKind
) -> Tensor | float:
    """Return log Sigma_t: a tensor where the network gives its fraction, else a number.

    Source: Nichol & Dhariwal 2021, eq. 15, with fraction (v + 1) / 2.

    Args:
        output: The network's output.
        schedule: Gives beta_t and betatilde_t.
        i: Index into the schedule.
        kind: Where the variance comes from.

    Raises:
        InvalidInputError: A learned range without the network's second half.
    """
    low = float(schedule.posterior_log_variance_clipped[i])
    high = math.log(float(schedule.betas[i]))
    if kind == "learned_range":
        if output.variance_fraction is None:
            raise InvalidInputError("A learned variance needs a network that predicts it.")
        fraction = (output.variance_fraction + 1) / 2
        return fraction * high + (1 - fraction) * low
    if kind == "fixed_small":
        return low
    # The first entry would be beta_0, which is far above betatilde_1: ADM takes the latter.
    return high if i > 0 else low


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


class Stepper(Protocol):
    """Turns x0hat into the distribution of x_{t-1}."""

    def __call__(
        self,
        x0hat: Tensor,
        x_t: Tensor,
        output: PriorOutput,
        schedule: Schedule,
        i: int,
        kind: VarianceKind,
    ) -> ReverseStep:
        """Return the step at schedule index `i`; `kind` says where Sigma_t comes from."""
        ...


class DDPM:
    """The ancestral step x_{t-1} ~ N(mu(x_t, x0hat), Sigma_t)."""

    def __call__(
        self,
        x0hat: Tensor,
        x_t: Tensor,
        output: PriorOutput,
        schedule: Schedule,
        i: int,
        kind: VarianceKind,
    ) -> ReverseStep:
        """Return the step; see `Stepper`."""
        variance = _exp(log_variance(output, schedule, i, kind))
        std = variance**0.5 if i > 0 else 0.0
        return ReverseStep(posterior_mean(x0hat, x_t, schedule, i), std, variance)


class DDIM:
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

    def __init__(self, eta: float = 0.0) -> None:
        if not 0 <= eta <= 1:
            raise InvalidInputError(f"DDIM's eta must be from 0 to 1, not {eta}.")
        self.eta = eta

    def __call__(
        self,
        x0hat: Tensor,
        x_t: Tensor,
        output: PriorOutput,
        schedule: Schedule,
        i: int,
        kind: VarianceKind,
    ) -> ReverseStep:
        """Return the step; see `Stepper`."""
        abar_prev = float(schedule.alphas_cumprod_prev[i])
        variance = self.eta**2 * float(schedule.posterior_variance[i])  # eq. 16
        eps = predict_eps(x0hat, x_t, schedule, i)
        direction = math.sqrt(max(1 - abar_prev - variance, 0.0))
        mean = math.sqrt(abar_prev) * x0hat + direction * eps  # eq. 12
        sigma = _exp(log_variance(output, schedule, i, kind))
        return ReverseStep(mean, math.sqrt(variance) if i > 0 else 0.0, sigma)


def _exp(value: Tensor | float) -> Tensor | float:
    return torch.exp(value) if isinstance(value, Tensor) else math.exp(value)

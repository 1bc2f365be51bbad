"""DDPM's equations, one function each: x_t, x0hat, eps, the posterior and its variance.

Source: Ho et al. 2020 (DDPM); Nichol & Dhariwal 2021 (learned range).
"""

import math

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

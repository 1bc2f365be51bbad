"""Noise schedules: every coefficient of the forward and reverse process, by name, in float64.

Source: Ho et al. 2020, eq. 4, 6, 7; Nichol & Dhariwal 2021 for respacing. Indices run from 0 (least
noise) to T-1; the papers count from 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import ScheduleError

Float64 = NDArray[np.float64]


def linear_betas(num_steps: int, first: float = 1e-4, last: float = 2e-2) -> Float64:
    """Return betas growing linearly from `first` to `last`, rescaled where T is not 1000.

    Args:
        num_steps: T.
        first: beta_0 at T = 1000.
        last: beta_{T-1} at T = 1000.
    """
    scale = 1000 / num_steps
    return np.linspace(scale * first, scale * last, num_steps, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Schedule:
    """A (possibly respaced) noise schedule.

    Attributes:
        betas: `(S,)` float64, beta_t of the S steps.
        timesteps: `(S,)` int64, the original timestep of each step: what the network is told.
        num_train_timesteps: T of the original schedule.
    """

    betas: Float64
    timesteps: NDArray[np.int64]
    num_train_timesteps: int

    @classmethod
    def from_betas(cls, betas: Float64) -> "Schedule":
        """Return the full schedule of `betas`.

        Raises:
            ScheduleError: A beta is not in (0, 1].
        """
        if betas.ndim != 1 or len(betas) == 0 or not ((betas > 0) & (betas <= 1)).all():
            raise ScheduleError(
                "A noise schedule needs a one-dimensional array of betas in (0, 1]."
            )
        return cls(betas, np.arange(len(betas), dtype=np.int64), len(betas))

    @classmethod
    def linear(cls, num_steps: int = 1000) -> "Schedule":
        """Return the linear schedule of DDPM, ADM, DifFace and PGDiff."""
        return cls.from_betas(linear_betas(num_steps))

    def __len__(self) -> int:
        return len(self.betas)

    @cached_property
    def alphas_cumprod(self) -> Float64:
        """Abar_t, the product of the alphas."""
        return np.cumprod(1.0 - self.betas, dtype=np.float64)

    @cached_property
    def alphas_cumprod_prev(self) -> Float64:
        """Abar_{t-1}; 1 before the first step."""
        return np.append(1.0, self.alphas_cumprod[:-1])

    @cached_property
    def sqrt_alphas_cumprod(self) -> Float64:
        """Weight of x_0 in x_t."""
        return np.sqrt(self.alphas_cumprod)

    @cached_property
    def sqrt_one_minus_alphas_cumprod(self) -> Float64:
        """Standard deviation of the noise in x_t."""
        return np.sqrt(1.0 - self.alphas_cumprod)

    @cached_property
    def sqrt_recip_alphas_cumprod(self) -> Float64:
        """Weight of x_t in x0hat."""
        return np.sqrt(1.0 / self.alphas_cumprod)

    @cached_property
    def sqrt_recipm1_alphas_cumprod(self) -> Float64:
        """Weight of -eps in x0hat."""
        return np.sqrt(1.0 / self.alphas_cumprod - 1.0)

    @cached_property
    def posterior_variance(self) -> Float64:
        """Betatilde_t, the variance of q(x_{t-1} | x_t, x_0); 0 at the last step."""
        return self.betas * (1.0 - self.alphas_cumprod_prev) / (1.0 - self.alphas_cumprod)

    @cached_property
    def posterior_log_variance_clipped(self) -> Float64:
        """Log of betatilde_t, its first entry replaced by the second, since log 0 is no number."""
        floor = self.posterior_variance[1] if len(self) > 1 else self.betas[0]
        return np.log(np.append(floor, self.posterior_variance[1:]))

    @cached_property
    def posterior_mean_coef1(self) -> Float64:
        """Weight of x_0 in the mean of q(x_{t-1} | x_t, x_0)."""
        return self.betas * np.sqrt(self.alphas_cumprod_prev) / (1.0 - self.alphas_cumprod)

    @cached_property
    def posterior_mean_coef2(self) -> Float64:
        """Weight of x_t in the mean of q(x_{t-1} | x_t, x_0)."""
        alphas = 1.0 - self.betas
        return np.sqrt(alphas) * (1.0 - self.alphas_cumprod_prev) / (1.0 - self.alphas_cumprod)

    def respaced(self, timesteps: Sequence[int]) -> "Schedule":
        """Return the schedule that visits only some timesteps, with betas from their abar.

        Args:
            timesteps: Original timesteps to keep, in any order.

        Raises:
            ScheduleError: Empty, or a timestep that this schedule does not have.
        """
        kept = sorted(set(timesteps))
        index = {int(t): i for i, t in enumerate(self.timesteps)}
        unknown = [t for t in kept if t not in index]
        if not kept or unknown:
            raise ScheduleError(
                f"A respaced schedule needs timesteps from {self.timesteps[0]} to "
                f"{self.timesteps[-1]}, not {unknown or 'an empty list'}."
            )
        abar = self.alphas_cumprod[[index[t] for t in kept]]
        betas = 1.0 - abar / np.append(1.0, abar[:-1])
        return Schedule(betas, np.asarray(kept, dtype=np.int64), self.num_train_timesteps)

    def plan(
        self, tau: int | None = None, steps: int | None = None, respacing: str | None = None
    ) -> "Schedule":
        """Return the schedule of one run: the timesteps below tau that will be visited.

        Args:
            tau: Where the run starts, 1..T (the papers' count): the noise is that of index tau-1.
                None starts from the noisiest step.
            steps: How many steps to execute, spread evenly from index 0 to tau-1; None for all.
            respacing: "ddpm100", "ddim50" or section counts as "250" or "10,20,30", over all T
                steps;
                those below tau are executed.

        Raises:
            ScheduleError: tau outside 1..T, or steps that cannot be given.
        """
        total = self.num_train_timesteps
        tau = total if tau is None else tau
        if not 1 <= tau <= total:
            raise ScheduleError(f"tau must be from 1 to {total}, not {tau}.")
        if not respacing:
            return self.respaced(even_timesteps(tau, tau if steps is None else steps))
        kept = [t for t in respaced_timesteps(total, respacing) if t < tau]
        if steps is not None and steps != len(kept):
            raise ScheduleError(
                f"Respacing {respacing!r} gives {len(kept)} steps below tau = {tau}, not the "
                f"{steps} asked for; leave one of the two out."
            )
        return self.respaced(kept)


def even_timesteps(tau: int, steps: int) -> list[int]:
    """Return `steps` timesteps spread evenly over 0..tau-1, both ends included (one step: tau-1).

    Raises:
        ScheduleError: More steps than timesteps, or none.
    """
    if not 1 <= steps <= tau:
        raise ScheduleError(f"With tau = {tau} there can be 1 to {tau} steps, not {steps}.")
    if steps == 1:
        return [tau - 1]
    return _section(0, tau, steps)


def respaced_timesteps(num_steps: int, respacing: str) -> list[int]:
    """Return the original timesteps that a respacing string keeps, ascending.

    Source: guided-diffusion's conventions. "ddimN" (DDIM, Song et al. 2021) and PGDiff's "ddpmN"
    take the smallest whole stride that gives exactly N steps from 0; "a,b,c" splits the schedule
    into equal sections and keeps that many of each.

    Args:
        num_steps: T.
        respacing: The string.

    Raises:
        ScheduleError: The string is not of these forms, or its count cannot be given.
    """
    match = re.fullmatch(r"(ddpm|ddim)(\d+)", respacing.strip())
    if match:
        return _strided(num_steps, int(match[2]), respacing)
    if not re.fullmatch(r"\d+(\s*,\s*\d+)*", respacing.strip()):
        raise ScheduleError(
            f'A respacing is written "ddpm100", "ddim50", "250" or "10,20,30", not {respacing!r}.'
        )
    counts = [int(part) for part in respacing.split(",")]
    size, extra = divmod(num_steps, len(counts))
    kept: list[int] = []
    start = 0
    for i, count in enumerate(counts):
        length = size + (1 if i < extra else 0)
        if not 1 <= count <= length:
            raise ScheduleError(
                f"Respacing {respacing!r} asks for {count} steps of a section that has {length}."
            )
        kept += _section(start, length, count)
        start += length
    return kept


def _strided(num_steps: int, count: int, respacing: str) -> list[int]:
    for stride in range(1, num_steps + 1):
        if len(range(0, num_steps, stride)) == count:
            return list(range(0, num_steps, stride))
    raise ScheduleError(
        f"Respacing {respacing!r}: no whole stride takes exactly {count} of {num_steps} steps; "
        f"a count that divides {num_steps} works."
    )


def _section(start: int, length: int, count: int) -> list[int]:
    stride = 1.0 if count <= 1 else (length - 1) / (count - 1)
    kept: list[int] = []
    position = 0.0
    for _ in range(count):
        # The official code accumulates the float; i * stride would round some steps differently.
        kept.append(start + round(position))
        position += stride
    return kept

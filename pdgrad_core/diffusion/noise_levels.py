"""Which noise levels a run with few steps visits, for priors that are told the level itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ScheduleError
from ..registry import unknown_name
from .schedule import Float64, Schedule, even_timesteps

DEFAULT_SPACING = "even"

LAST_BETAS = {"linear-0.1": 0.1, "linear-0.3": 0.3, "linear-0.5": 0.5}
"""Last beta of the linear schedules, from 1e-4, that SR3 searches among for few steps."""


def _even(schedule: Schedule, tau: int, steps: int) -> Float64:
    return schedule.alphas_cumprod[even_timesteps(tau, steps)]


def _log_snr(schedule: Schedule, tau: int, steps: int) -> Float64:
    """Return levels whose logarithm of abar / (1 - abar) is evenly spaced, both ends included."""
    abar = schedule.alphas_cumprod
    ends = np.log(abar[[0, tau - 1]]) - np.log1p(-abar[[0, tau - 1]])
    # One step is the noisiest one.
    wanted = np.linspace(ends[0], ends[1], steps) if steps > 1 else ends[1:]
    return 1 / (1 + np.exp(-wanted))


def _linear(last: float) -> Callable[[Schedule, int, int], Float64]:
    def levels(schedule: Schedule, tau: int, steps: int) -> Float64:
        abar = np.cumprod(1 - np.linspace(1e-4, last, steps))
        return np.maximum(abar, schedule.alphas_cumprod[tau - 1])

    return levels


SPACINGS: dict[str, Callable[[Schedule, int, int], Float64]] = {
    "even": _even,
    "log-snr": _log_snr,
    **{name: _linear(last) for name, last in LAST_BETAS.items()},
}
"""How the noise levels abar of a run are chosen, by name: from the schedule, tau and the steps."""


def level_timesteps(schedule: Schedule, tau: int, steps: int, spacing: str) -> list[int]:
    """Return the timesteps whose noise is nearest to the levels of a spacing, ascending.

    Args:
        schedule: The full schedule of T steps.
        tau: The run starts at index tau-1 or, in a linear spacing, below it.
        steps: How many.
        spacing: Key in `SPACINGS`.

    Raises:
        ScheduleError: More steps than timesteps, or none.
        UnknownNameError: There is no such spacing.
    """
    if spacing not in SPACINGS:
        raise unknown_name("spacing of noise levels", spacing, list(SPACINGS))
    if not 1 <= tau <= len(schedule):
        raise ScheduleError(f"tau must be from 1 to {len(schedule)}, not {tau}.")
    if not 1 <= steps <= tau:
        raise ScheduleError(f"With tau = {tau} there can be 1 to {tau} steps, not {steps}.")
    wanted = SPACINGS[spacing](schedule, tau, steps)
    # Abar falls from index to index; compared as logarithms, since it ends at 4e-5.
    known = np.log(schedule.alphas_cumprod[:tau])
    nearest = np.abs(known[None, :] - np.log(wanted)[:, None]).argmin(axis=1)
    return _distinct([int(t) for t in nearest], tau)


def _distinct(timesteps: list[int], tau: int) -> list[int]:
    """Move ascending timesteps apart where several fell on one, staying below tau."""
    for i in range(1, len(timesteps)):
        timesteps[i] = max(timesteps[i], timesteps[i - 1] + 1)
    limit = tau - 1
    for i in reversed(range(len(timesteps))):
        timesteps[i] = min(timesteps[i], limit)
        limit = timesteps[i] - 1
    return timesteps


@dataclass(frozen=True, eq=False)
class LevelSchedule(Schedule):
    """A schedule that chooses the timesteps of a run by their noise level.

    Attributes:
        spacing: Key in `SPACINGS`.
    """

    spacing: str = DEFAULT_SPACING

    @classmethod
    def linear_with(cls, num_steps: int, spacing: str = DEFAULT_SPACING) -> "LevelSchedule":
        """Return the linear schedule of T steps with a spacing."""
        plain = Schedule.linear(num_steps)
        return cls(plain.betas, plain.timesteps, plain.num_train_timesteps, spacing)

    def plan(
        self, tau: int | None = None, steps: int | None = None, respacing: str | None = None
    ) -> Schedule:
        """Return the schedule of one run; see `Schedule.plan`. A respacing string overrides."""
        if respacing or steps is None:
            return super().plan(tau, steps, respacing)
        total = self.num_train_timesteps
        start = total if tau is None else tau
        return self.respaced(level_timesteps(self, start, steps, self.spacing))

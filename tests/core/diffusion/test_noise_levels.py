"""Which noise levels a run of few steps visits."""

import numpy as np
import pytest

from pdgrad_core.diffusion.noise_levels import SPACINGS, LevelSchedule, level_timesteps
from pdgrad_core.diffusion.schedule import Schedule, even_timesteps
from pdgrad_core.errors import ScheduleError, UnknownNameError

FULL = Schedule.linear()


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(("tau", "steps"), [(1000, 10), (1000, 1), (1000, 1000), (350, 50), (7, 7)])
def test_each_spacing_gives_as_many_steps_as_asked_for(spacing, tau, steps):
    found = level_timesteps(FULL, tau, steps, spacing)
    assert len(set(found)) == steps
    assert found == sorted(found)
    assert found[0] >= 0 and found[-1] < tau


def test_even_is_the_schedules_own_spacing():
    assert level_timesteps(FULL, 1000, 10, "even") == even_timesteps(1000, 10)


def test_log_snr_has_even_steps_between_both_ends():
    found = level_timesteps(FULL, 1000, 10, "log-snr")
    assert (found[0], found[-1]) == (0, 999)
    abar = FULL.alphas_cumprod[found]
    steps = -np.diff(np.log(abar / (1 - abar)))
    # At the clean end neighbouring timesteps are up to ln 3 apart, so nearest is within half.
    assert np.abs(steps - steps.mean()).max() < np.log(3)
    # From t = 100 on, half a timestep is below 1 percent.
    assert steps[-5:] == pytest.approx(steps.mean(), rel=0.03)


def test_linear_is_sr3s_schedule_by_hand():
    found = level_timesteps(FULL, 1000, 3, "linear-0.5")
    wanted = [1 - 1e-4, (1 - 1e-4) * (1 - 0.25005), (1 - 1e-4) * (1 - 0.25005) * 0.5]
    assert FULL.alphas_cumprod[found] == pytest.approx(wanted, rel=0.006)  # beta_t / 2


def test_a_run_is_planned_by_the_schedules_own_spacing():
    plan = LevelSchedule.linear_with(1000, "log-snr").plan(1000, 10)
    assert plan.timesteps.tolist() == level_timesteps(FULL, 1000, 10, "log-snr")
    # Recomputed for the steps taken: the product of the new alphas is the old abar.
    assert np.cumprod(1 - plan.betas) == pytest.approx(FULL.alphas_cumprod[plan.timesteps])


def test_a_respacing_string_is_followed():
    plan = LevelSchedule.linear_with(1000, "log-snr").plan(1000, None, "ddpm100")
    assert plan.timesteps.tolist() == list(range(0, 1000, 10))


def test_impossible_plans_are_refused():
    schedule = LevelSchedule.linear_with(1000)
    for tau, steps, words in ((1000, 0, "1 to 1000 steps, not 0"), (10, 11, "1 to 10 steps"),
                              (0, 1, "tau must be from 1 to 1000, not 0")):  # fmt: skip
        with pytest.raises(ScheduleError, match=words):
            schedule.plan(tau, steps)
    with pytest.raises(UnknownNameError, match="no spacing of noise levels named 'logsnr'"):
        level_timesteps(FULL, 1000, 10, "logsnr")

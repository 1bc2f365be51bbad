"""Noise schedules against the official numbers, and runs planned below tau."""

import numpy as np
import pytest
from golden import golden

from pdgrad_core.diffusion.schedule import Schedule, even_timesteps, respaced_timesteps
from pdgrad_core.errors import ScheduleError

NAMES = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
)


@pytest.fixture(scope="module")
def vectors():
    return {name: value.numpy() for name, value in golden("schedule_linear1000").items()}


@pytest.mark.parametrize("name", NAMES)
def test_linear_schedule_equals_the_official_one(vectors, name):
    found = getattr(Schedule.linear(1000), name)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, vectors[f"linear1000.{name}"], rtol=1e-12)


@pytest.mark.parametrize(
    ("label", "respacing"),
    [
        ("ddpm100", "ddpm100"),
        ("ddpm200", "ddpm200"),
        ("ddim50", "ddim50"),
        ("s250", "250"),
        ("s10_20_30", "10,20,30"),
    ],
)
def test_respacing_equals_the_official_one(vectors, label, respacing):
    schedule = Schedule.linear().plan(respacing=respacing)
    np.testing.assert_array_equal(schedule.timesteps, vectors[f"{label}.timestep_map"])
    for name in NAMES:
        if f"{label}.{name}" in vectors:
            np.testing.assert_allclose(
                getattr(schedule, name), vectors[f"{label}.{name}"], rtol=1e-12, err_msg=name
            )


def test_respacing_to_all_steps_changes_nothing(vectors):
    schedule = Schedule.linear().plan(respacing="1000")
    np.testing.assert_allclose(schedule.alphas_cumprod, vectors["s1000.alphas_cumprod"], rtol=1e-12)


def test_steps_are_spread_from_the_first_index_to_tau():
    assert even_timesteps(700, 4) == [0, 233, 466, 699]
    assert even_timesteps(700, 1) == [699]
    assert even_timesteps(3, 3) == [0, 1, 2]


def test_a_run_starts_at_the_noise_of_the_papers_tau():
    full = Schedule.linear()
    for steps in (1, 4, 100, 700):
        run = full.plan(tau=700, steps=steps)
        assert len(run) == steps
        assert run.alphas_cumprod[-1] == pytest.approx(full.alphas_cumprod[699], rel=1e-12)


def test_a_respaced_run_keeps_the_steps_below_tau():
    run = Schedule.linear().plan(tau=700, respacing="ddpm100")
    assert list(run.timesteps) == list(range(0, 700, 10))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau": 0}, "tau must be from 1 to 1000"),
        ({"tau": 1001}, "tau must be from 1 to 1000"),
        ({"tau": 10, "steps": 11}, "1 to 10 steps, not 11"),
        ({"steps": 0}, "not 0"),
        ({"respacing": "ddpm150"}, "no whole stride"),
        ({"respacing": "ddim300"}, "no whole stride"),
        ({"respacing": "fast"}, "A respacing is written"),
        ({"respacing": "500,501"}, "501 steps of a section that has 500"),
        ({"respacing": "ddpm100", "tau": 700, "steps": 100}, "gives 70 steps below tau = 700"),
    ],
)
def test_what_the_schedule_cannot_give_is_refused(arguments, message):
    with pytest.raises(ScheduleError, match=message):
        Schedule.linear().plan(**arguments)


def test_bad_betas_and_unknown_timesteps_are_refused():
    with pytest.raises(ScheduleError, match=r"betas in"):
        Schedule.from_betas(np.array([0.1, 1.5]))
    with pytest.raises(ScheduleError, match="from 0 to 49"):
        Schedule.linear(50).respaced([0, 50])


def test_strides_are_the_smallest_that_fit():
    assert respaced_timesteps(1000, "ddpm500")[:3] == [0, 2, 4]
    assert respaced_timesteps(1000, "ddpm1000") == list(range(1000))

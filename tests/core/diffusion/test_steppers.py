"""What every stepper promises."""

import pytest
import torch

from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.diffusion.steppers import STEPPERS, StepInputs
from pdgrad_core.runs import make_stepper


def inputs(i, seed=0):
    x0hat, x_t = torch.randn(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    schedule = Schedule.linear().plan(700, 20)
    return StepInputs(x0hat.clamp(-1, 1), x_t, PriorOutput(x0hat), schedule, i, "fixed_small")


@pytest.mark.parametrize("name", STEPPERS)
@pytest.mark.parametrize("i", [0, 1, 19])
def test_the_step_is_finite_and_the_last_one_has_no_noise(name, i):
    step = make_stepper(name, 0.5)(inputs(i))
    assert step.mean.shape == (2, 3, 8, 8)
    assert step.mean.isfinite().all()
    assert torch.as_tensor(step.std).isfinite().all()
    assert torch.as_tensor(step.variance).min() > 0
    if i == 0:
        assert step.std == 0


@pytest.mark.parametrize("name", STEPPERS)
def test_the_last_step_ends_at_x0hat(name):
    last = inputs(0)
    mean = make_stepper(name)(last).mean
    torch.testing.assert_close(mean, last.x0hat, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", STEPPERS)
def test_an_image_does_not_depend_on_its_batch_mates(name):
    both, stepper = inputs(7), make_stepper(name)
    alone = StepInputs(
        both.x0hat[1:], both.x_t[1:], PriorOutput(both.x0hat[1:]), both.schedule, 7, both.kind
    )
    assert torch.equal(stepper(both).mean[1:], stepper(alone).mean)

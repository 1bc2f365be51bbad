"""What every kind of prior promises."""

import pytest
import torch
from golden import tiny_prior
from tiny_idm import tiny_idm

from pdgrad_core.diffusion.prior import PriorOutput
from pdgrad_core.diffusion.priors import PRIORS, load_prior
from pdgrad_core.errors import InvalidInputError, UnknownNameError


@pytest.fixture(params=PRIORS)
def prior(request):
    if request.param == "guided_diffusion":
        return tiny_prior()
    if request.param == "idm":  # answers nothing before it was told of a face
        return tiny_idm().conditioned_on(state().clamp(-1, 1))
    return load_prior(None, kind=request.param)


def state(count=2, size=32):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_it_answers_with_a_prediction_of_x_ts_shape(prior):
    x_t = state()
    output = prior(x_t, 500)
    assert isinstance(output, PriorOutput)
    assert output.prediction.shape == x_t.shape
    assert output.prediction.isfinite().all()
    assert prior.schedule.num_train_timesteps == 1000
    assert prior.prediction in ("eps", "x0", "v")


def test_conditioning_makes_another_prior_and_leaves_this_one(prior):
    x_t, y = state(), state().clamp(-1, 1)
    before = prior(x_t, 500).prediction
    told = prior.conditioned_on(y)
    assert told(x_t, 500).prediction.isfinite().all()
    assert torch.equal(prior(x_t, 500).prediction, before)


def test_an_unconditional_prior_is_itself_whatever_is_restored():
    prior = tiny_prior()
    assert prior.conditioned_on(state()) is prior


def test_a_kind_that_needs_a_file_says_so():
    with pytest.raises(InvalidInputError, match="needs its weight file"):
        load_prior(None, kind="guided_diffusion")
    with pytest.raises(UnknownNameError, match="no prior named"):
        load_prior(None, kind="guided_difusion")

"""IDM as a prior: what it is told, what it answers, and which files are its own."""

import math
from dataclasses import replace

import pytest
import torch
from golden import tiny_prior
from tiny_idm import DESCRIPTION, idm_file, prior_file, tiny_idm, tiny_network

from pdgrad_core.checkpoints import Checkpoint
from pdgrad_core.diffusion.ddpm import predict_eps, predict_x0
from pdgrad_core.diffusion.priors import load_prior
from pdgrad_core.diffusion.priors.guided_diffusion import DiffusionPrior
from pdgrad_core.diffusion.priors.idm import IDM_512, IDMNetwork, IDMPrior
from pdgrad_core.diffusion.steppers import DDPM, StepInputs
from pdgrad_core.errors import InvalidInputError, WrongArchitectureError


def image(seed, size=32, count=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, size, size, generator=generator) * 2 - 1


def test_the_network_sees_the_degraded_face_the_state_and_the_level():
    network = tiny_network()
    y, x_t, gamma = image(1), image(2), torch.tensor([0.25, 0.81])
    found = network.estimate(y, x_t, gamma)
    assert found.shape == x_t.shape
    # 1000 sqrt(gamma) in the place of the timestep.
    again = network(torch.cat([y, x_t], 1), torch.tensor([500.0, 900.0]))
    torch.testing.assert_close(found, again)
    for other in ((image(3), x_t, gamma), (y, image(3), gamma), (y, x_t, gamma / 2)):
        assert not torch.allclose(network.estimate(*other), found)


def test_it_is_told_abar_of_the_timestep():
    prior, y, x_t = tiny_idm(), image(1), image(2)
    abar = torch.full((2,), float(prior.schedule.alphas_cumprod[500]))
    expected = prior.network.estimate(y, x_t, abar)
    assert torch.equal(prior.conditioned_on(y)(x_t, 500).prediction, expected)


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_the_metadata_decides_what_the_output_means(prediction, tmp_path):
    prior = load_prior(idm_file(tmp_path, prediction=prediction))
    assert isinstance(prior, IDMPrior)
    assert prior.prediction == prediction
    assert prior.variance == "fixed_large"


def test_a_step_is_equation_8():
    prior, x_t, i = tiny_idm(), image(2).double(), 4
    plan = prior.schedule.plan(1000, 10)
    told = prior.conditioned_on(image(1))
    output = told(x_t, int(plan.timesteps[i]))
    x0hat = predict_x0(output.prediction, x_t, plan, i, prior.prediction).double()
    step = DDPM()(StepInputs(x0hat, x_t, output, plan, i, prior.variance))
    alpha, gamma = 1 - plan.betas[i], plan.alphas_cumprod[i]
    eps = predict_eps(x0hat, x_t, plan, i)
    expected = (x_t - (1 - alpha) / math.sqrt(1 - gamma) * eps) / math.sqrt(alpha)
    torch.testing.assert_close(step.mean, expected)
    assert float(step.std) == pytest.approx(math.sqrt(1 - alpha))


def test_without_a_face_it_says_where_it_gets_one():
    with pytest.raises(InvalidInputError, match="was told of none; use it through a recipe"):
        tiny_idm()(image(1), 500)
    with pytest.raises(InvalidInputError, match="was told of none"):
        tiny_idm().check_told()
    tiny_idm().conditioned_on(image(1)).check_told()
    tiny_prior().check_told()


def test_faces_that_do_not_fit_are_refused():
    prior = tiny_idm()
    with pytest.raises(InvalidInputError, match=r"without a mask or other channels.*\(2, 6, 32"):
        prior.conditioned_on(torch.cat([image(1), image(2)], 1))
    with pytest.raises(InvalidInputError, match="multiples of 2"):
        prior.conditioned_on(image(1, 31))
    with pytest.raises(InvalidInputError, match=r"told of faces \(2, 3, 32, 32\), but is to"):
        prior.conditioned_on(image(1))(image(2, count=3), 5)


def test_each_file_is_recognised_as_its_own_kind(tmp_path):
    assert isinstance(load_prior(idm_file(tmp_path)), IDMPrior)
    plain = load_prior(prior_file(tmp_path))
    assert isinstance(plain, DiffusionPrior) and not isinstance(plain, IDMPrior)


def test_a_prior_offered_as_idm_and_the_reverse(tmp_path):
    with pytest.raises(WrongArchitectureError, match="takes 3 channels and is an unconditional"):
        load_prior(prior_file(tmp_path), kind="idm")
    with pytest.raises(WrongArchitectureError, match=r"maps 6 to 3 channels.*'idm'"):
        load_prior(idm_file(tmp_path), kind="guided_diffusion")
    with pytest.raises(WrongArchitectureError, match="it is no diffusion U-Net"):
        IDMPrior.from_checkpoint(Checkpoint({"enter.weight": torch.zeros(1)}))


def test_a_file_that_does_not_say_what_it_predicts_is_refused(tmp_path):
    with pytest.raises(WrongArchitectureError, match="does not say for which size"):
        load_prior(idm_file(tmp_path, image_size=None))
    with pytest.raises(WrongArchitectureError, match="'y0' is not one of"):
        load_prior(idm_file(tmp_path, prediction="y0"))
    with pytest.raises(InvalidInputError, match="An IDM predicts x0 or eps, not 'v'"):
        load_prior(idm_file(tmp_path, prediction="v"))


def test_the_metadata_decides_what_is_predicted(tmp_path):
    path = idm_file(tmp_path, prediction="eps")
    with pytest.raises(WrongArchitectureError, match="says that it predicts eps, and is to be"):
        load_prior(path, config=DESCRIPTION)
    agreeing = replace(DESCRIPTION, prediction="eps", image_size=128)
    assert load_prior(path, config=agreeing).image_size == DESCRIPTION.image_size
    bare = idm_file(tmp_path, image_size=None)
    assert load_prior(bare, config=DESCRIPTION).prediction == "x0"


def test_the_papers_network_has_about_120_million_parameters():
    with torch.device("meta"):
        network = IDMNetwork(IDM_512)
    assert sum(p.numel() for p in network.parameters()) == 122_897_027
    # Attention at 32, 16 and 8 px of 512.
    assert [512 >> level for level in IDM_512.attention_levels] == [32, 16, 8]
    assert 512 % IDM_512.downsampling == 0


def test_an_unconditional_prior_is_no_idm():
    assert not IDMPrior.recognises(Checkpoint(tiny_prior().network.state_dict()))

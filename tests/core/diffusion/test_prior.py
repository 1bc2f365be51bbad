"""Priors from files: what the shapes tell, what metadata tells, and what nothing tells."""

import pytest
import torch
from golden import golden, tiny_unet
from safetensors.torch import save_file
from tolerances import assert_recorded

from pdgrad_core.checkpoints import METADATA_ENTRY, TEST_WEIGHTS_KEY
from pdgrad_core.diffusion.priors import load_prior
from pdgrad_core.diffusion.priors.guided_diffusion import PriorConfig
from pdgrad_core.errors import InvalidInputError, WrongArchitectureError


@pytest.fixture
def state():
    return dict(tiny_unet().state_dict())


def test_a_safetensors_file_describes_itself(tmp_path, state):
    config = PriorConfig(image_size=64, num_head_channels=32, prediction="v")
    save_file(state, tmp_path / "prior.safetensors", config.to_metadata())
    prior = load_prior(tmp_path / "prior.safetensors")
    assert prior.config == config
    assert (prior.image_size, prior.prediction, prior.variance) == (64, "v", "learned_range")
    vectors = golden("unet_tiny")
    prior = prior.to(dtype=torch.float64)
    output = prior(vectors["x"][:1], 0)
    largest = float(vectors["out"].abs().max())
    assert_recorded(output.prediction, vectors["out"][:1, :3], largest)
    assert_recorded(output.variance_fraction, vectors["out"][:1, 3:], largest)


def test_a_state_dict_with_module_prefix_is_the_same_prior(tmp_path, state):
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "prior.pth")
    prior = load_prior(tmp_path / "prior.pth", config=PriorConfig(64, num_head_channels=32))
    assert torch.equal(prior.network.state_dict()["out.0.weight"], state["out.0.weight"])


def test_heads_that_nothing_tells_are_asked_for(tmp_path, state):
    torch.save(state, tmp_path / "prior.pth")
    with pytest.raises(WrongArchitectureError, match=r"width 32.*give a config.*num_head_channels"):
        load_prior(tmp_path / "prior.pth")


def test_metadata_that_makes_no_sense_is_refused(tmp_path, state):
    metadata = {"pdgrad.image_size": "64", "pdgrad.prediction": "noise"}
    save_file(state, tmp_path / "prior.safetensors", metadata)
    with pytest.raises(WrongArchitectureError, match="'noise' is not one of eps, x0, v"):
        load_prior(tmp_path / "prior.safetensors")


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "arcface.pth")
    with pytest.raises(WrongArchitectureError, match="no guided-diffusion U-Net"):
        load_prior(tmp_path / "arcface.pth")


def test_a_damaged_layout_names_the_first_difference(tmp_path, state):
    del state["middle_block.1.norm.bias"]
    torch.save(state, tmp_path / "prior.pth")
    with pytest.raises(WrongArchitectureError, match=r"1 tensors missing \(first: middle_block"):
        load_prior(tmp_path / "prior.pth", config=PriorConfig(64, num_head_channels=32))


def test_test_weights_are_announced(tmp_path, state, caplog):
    metadata = {TEST_WEIGHTS_KEY: "seed 0"}
    torch.save({**state, METADATA_ENTRY: metadata}, tmp_path / "prior.pth")
    prior = load_prior(tmp_path / "prior.pth", config=PriorConfig(64, num_head_channels=32))
    assert prior.is_test
    assert "restores nothing" in caplog.text


def test_sizes_that_the_levels_cannot_halve_are_refused(tmp_path, state):
    torch.save(state, tmp_path / "prior.pth")
    prior = load_prior(tmp_path / "prior.pth", config=PriorConfig(64, num_head_channels=32))
    prior.check_size(64, 96)
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        prior.check_size(62, 64)

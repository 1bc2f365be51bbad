"""Right names, wrong tensors: every loader answers with a sentence about the file."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from pdgrad_core.checkpoints import Checkpoint, build_strict, expecting, read_metadata
from pdgrad_core.diffusion.priors import load_prior
from pdgrad_core.embedded import demo_weights
from pdgrad_core.errors import CheckpointError, InvalidInputError, WrongArchitectureError
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.features.vgg import load_perceptual
from pdgrad_core.restorers import load_restorer

LOADERS = {
    "prior": load_prior,
    "restorer": lambda path: load_restorer("demo", path),
    "arcface": load_arcface,
    "vgg": load_perceptual,
}
CHANGES = {
    "without dimensions": lambda value: torch.tensor(1.0),
    "of no numbers": lambda value: value.flatten()[:0],
    "flat": lambda value: value.flatten(),
    "of one more dimension": lambda value: value[None],
    "cut": lambda value: value[:-1].clone() if value.ndim else value[None],
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize("role", LOADERS)
@pytest.mark.parametrize("which", ["all", "first", "last"])
@pytest.mark.parametrize("change", CHANGES)
def test_tensors_of_another_shape(tmp_path, role, which, change):
    tensors = load_file(demo_weights(role))
    names = {"all": list(tensors), "first": list(tensors)[:1], "last": list(tensors)[-1:]}[which]
    for name in names:
        tensors[name] = CHANGES[change](tensors[name]).contiguous()
    path = tmp_path / "w.safetensors"
    save_file(tensors, path, read_metadata(demo_weights(role)))
    if {name: value.shape for name, value in load_file(demo_weights(role)).items()} == {
        name: value.shape for name, value in tensors.items()
    }:
        pytest.skip("this change leaves a tensor of one dimension as it is")
    if role == "vgg" and which == "last" and change in ("flat", "of one more dimension"):
        pytest.skip("LPIPS's heads may have any dimensions of length 1")
    with pytest.raises(CheckpointError) as caught:
        LOADERS[role](path)
    assert "\n" not in str(caught.value)


def test_a_network_is_not_built_where_it_does_not_fit():
    places = []

    def make():
        places.append(torch.get_default_device().type)
        return torch.nn.Linear(3, 2)

    def checkpoint(columns):
        return Checkpoint({"weight": torch.ones(2, columns), "bias": torch.zeros(2)})

    with pytest.raises(WrongArchitectureError, match=r"weight \(2, 4\) instead of \(2, 3\)"):
        build_strict(make, checkpoint(4), "a linear layer")
    assert places == ["meta"]
    assert build_strict(make, checkpoint(3), "a linear layer").weight.tolist() == [[1.0] * 3] * 2
    assert places == ["meta", "meta", "cpu"]


def test_other_errors_pass():
    with pytest.raises(InvalidInputError, match="mine"), expecting(Checkpoint({}), "a network"):
        raise InvalidInputError("mine")
    with pytest.raises(KeyboardInterrupt), expecting(Checkpoint({}), "a network"):
        raise KeyboardInterrupt


def test_names_from_a_file_cannot_write_on_the_terminal():
    checkpoint = Checkpoint({"\x1b[2J" + "x" * 1000: torch.ones(1)})
    with pytest.raises(WrongArchitectureError) as caught:
        build_strict(lambda: torch.nn.Linear(1, 1), checkpoint, "a linear layer")
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 400

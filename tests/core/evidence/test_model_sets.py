"""Which restorers an evaluation may take with a folder of small networks."""

import pytest
import torch
from small_models import write_small_models

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.evidence.evaluation.methods import parse_methods
from pdgrad_core.evidence.evaluation.model_sets import ModelSets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("models"))


def sets(folder, restorer):
    return ModelSets(str(folder), restorer, (), torch.device("cpu"))


@pytest.mark.parametrize("restorer", ["idm", "gan-prior"])
def test_one_of_its_own_files_is_read_from_the_folder(folder, restorer):
    (method,) = parse_methods(["coarse"], {})
    models = sets(folder, restorer)(method)
    assert models.restorer.name == restorer
    assert models.paths["restorer"] == folder / f"{restorer}.safetensors"


def test_a_folder_without_those_is_one_of_small_networks_too(folder, tmp_path):
    for path in folder.iterdir():
        if path.stem not in ("idm", "gan-prior"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert sets(tmp_path, None).small
    (method,) = parse_methods(["coarse"], {})
    assert sets(tmp_path, None)(method).restorer.name == "demo"


def test_a_published_one_is_refused(folder):
    (method,) = parse_methods(["coarse"], {})
    with pytest.raises(InvalidInputError, match="'demo', 'gan-prior', 'idm', 'none' with them"):
        sets(folder, "gfpgan")(method)

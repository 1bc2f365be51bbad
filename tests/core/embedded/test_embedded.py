"""The embedded models: each role's file loads, works at 64 px, and says where it comes from."""

import pytest
import torch

from pdgrad_core import embedded as models
from pdgrad_core.checkpoints import read_metadata
from pdgrad_core.embedded import ROLES, SIZE_PX, WEIGHTS, demo_weights
from pdgrad_core.errors import CheckpointNotFoundError, UnknownNameError
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.features.vgg import load_perceptual
from pdgrad_core.models.scorers import load_scorers

present = pytest.mark.skipif(
    not all((WEIGHTS / name).is_file() for name in ROLES.values()), reason="weights are missing"
)


@present
@pytest.mark.parametrize("role", ROLES)
def test_files_tell_their_origin(role):
    metadata = read_metadata(demo_weights(role))
    assert metadata["pdgrad.licence"] == "Apache-2.0"
    assert metadata["pdgrad.command"].startswith("python scripts/train.py ")
    assert int(metadata["pdgrad.images_seen"]) > 0
    assert len(metadata["pdgrad.commit"]) == 40


@present
def test_together_they_stay_small():
    assert sum(demo_weights(role).stat().st_size for role in ROLES) < 18e6


@present
def test_scorers_measure_and_are_not_the_guides():
    scorers = load_scorers()
    faces = torch.rand(2, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert scorers.embed(faces).shape[0] == 2
    assert scorers.distance(faces, faces).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert (scorers.distance(faces, faces.flip(0)) > 0).all()
    guides = load_arcface(demo_weights("arcface")), load_perceptual(demo_weights("vgg"))
    assert guides[0].embed(faces).shape != scorers.embed(faces).shape
    first, other = guides[1].head("conv1_2"), scorers.perceptual.head("conv1_2")
    assert first.shape != other.shape


def test_a_missing_file_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    with pytest.raises(CheckpointNotFoundError, match=r"scripts/train\.py identity"):
        demo_weights("arcface")
    with pytest.raises(UnknownNameError, match="Did you mean 'restorer'"):
        demo_weights("restore")

"""Objectives: each learns a toy, says how well, and exports what its loader reads."""

import math

import pytest
import torch
from toy_faces import toy_faces

from pdgrad_core.diffusion.priors import load_prior
from pdgrad_core.diffusion.schedule import Schedule
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features.arcface import load_arcface
from pdgrad_core.features.vgg import load_perceptual
from pdgrad_core.restorers import load_restorer
from pdgrad_core.training.config import TrainingConfig
from pdgrad_core.training.dataset import StoredFaces
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer, snapshot
from pdgrad_core.training.noising import stratified_timesteps
from pdgrad_core.training.objectives.identity import softened, with_margin
from pdgrad_core.training.objectives.perceptual import distorted
from pdgrad_core.training.objectives.verification import accuracy, pair_cosines, tar_at_far

NETWORKS = {
    "prior": {"width": 32, "channel_mult": (1,), "num_res_blocks": (1,), "patch_size": 4},
    "coarse": {"width": 4, "blocks": 1},
    "identity": {"layers": (1, 1, 1, 1), "widths": (8, 8, 8, 8), "embedding_dim": 16},
    "perceptual": {"widths": (4, 8, 8, 8, 8)},
}


def trainer_of(objective, faces=None, **changes):
    values = {
        "network": NETWORKS[objective], "image_size": 16, "batch_size": 16, "learning_rate": 1e-2,
        "total_images": 100_000, "warmup_images": 32, "flip": False, "ema_std": 0.25,
    }  # fmt: skip
    faces = toy_faces(attributes=3) if faces is None else faces
    return Trainer(TrainingConfig(objective, **{**values, **changes}), faces)


@pytest.mark.parametrize("objective", NETWORKS)
def test_the_loss_falls(objective):
    trainer = trainer_of(objective)
    losses = [float(trainer.step()["loss"]) for _ in range(60)]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


@pytest.mark.parametrize("objective", NETWORKS)
def test_a_snapshot_has_finite_figures_and_a_sheet(objective, tmp_path):
    trainer = trainer_of(objective)
    trainer.step()
    figures = snapshot(trainer, toy_faces(attributes=3, seed=1), tmp_path)
    assert figures
    assert all(math.isfinite(value) for value in figures.values())
    assert (tmp_path / "samples_000000016.png").is_file()


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
def test_learned_variance_joins_the_loss(prediction):
    network = {**NETWORKS["prior"], "learn_sigma": True}
    trainer = trainer_of("prior", network=network, options={"prediction": prediction})
    losses = trainer.step()
    assert losses["loss"] == pytest.approx(float(losses["mse"] + 1e-3 * losses["vlb"]))
    assert float(losses["vlb"]) > 0


def test_the_bound_is_zero_for_the_true_posterior():
    objective = trainer_of("prior").objective
    x0, x_t = torch.rand(2, 4, 3, 8, 8).unbind()
    t = torch.tensor([1, 10, 500, 999])
    lower = torch.full_like(x0, -1.0)  # the fraction of betatilde
    assert float(objective._variational_bound(x0, x0, x_t, lower, t)) == pytest.approx(0, abs=1e-4)
    assert float(objective._variational_bound(x0, x0, x_t, -lower, t)) > 0
    assert float(objective._variational_bound(x0, x_t, x_t, lower, t)) > 0


def test_timesteps_fill_the_schedule_evenly():
    t = stratified_timesteps(10, Schedule.linear(), torch.Generator().manual_seed(0))
    assert sorted((t // 100).tolist()) == list(range(10))


def exported(objective, tmp_path, faces=None):
    trainer = trainer_of(objective, faces)
    trainer.step()
    path = tmp_path / f"{objective}.safetensors"
    export(trainer, path, {"command": "python scripts/train.py", "commit": "0"})
    return trainer.objective.average.module, path


def test_an_exported_prior_predicts_as_the_average(tmp_path):
    module, path = exported("prior", tmp_path)
    prior = load_prior(path)
    x = torch.randn(1, 3, 16, 16)
    assert (prior.prediction, prior.image_size) == ("v", 16)
    expected = module(x, torch.tensor([300]))
    assert torch.allclose(prior(x, 300).prediction, expected, atol=1e-2)


def test_an_exported_restorer_restores_as_the_average(tmp_path):
    module, path = exported("coarse", tmp_path)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    assert torch.allclose(load_restorer("demo", path)(x), module(x).clamp(-1, 1), atol=1e-2)


def test_an_exported_identity_network_embeds_as_the_average(tmp_path):
    module, path = exported("identity", tmp_path)
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.allclose(load_arcface(path).embed(x), module(x), atol=2e-2, rtol=2e-2)


def test_exported_heads_measure_as_the_average(tmp_path):
    module, path = exported("perceptual", tmp_path)
    network = load_perceptual(path)
    assert all((network.head(tap) >= 0).all() for tap in network.heads)
    expected = [root.square() for root in module.roots]
    for head, weight in zip(network.heads.values(), expected, strict=True):
        assert torch.allclose(head, weight, atol=1e-3)


def test_metadata_tells_the_origin(tmp_path):
    from pdgrad_core.checkpoints import read_metadata

    metadata = read_metadata(exported("coarse", tmp_path)[1])
    assert metadata == {
        "pdgrad.licence": "Apache-2.0",
        "pdgrad.images_seen": "16",
        "pdgrad.command": "python scripts/train.py",
        "pdgrad.commit": "0",
    }


def test_margin_by_hand():
    cosines = torch.tensor([[0.5, 0.2], [0.9, -0.999]])
    moved = with_margin(cosines, torch.tensor([0, 1]), 0.3)
    assert moved[0].tolist() == pytest.approx([math.cos(math.acos(0.5) + 0.3), 0.2])
    assert moved[1].tolist() == pytest.approx([0.9, -0.999 - 0.3 * math.sin(0.3)])


def test_verification_figures_by_hand():
    embeddings = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    same, other = pair_cosines(embeddings, torch.tensor([0, 0, 1, 1]))
    assert same.tolist() == [1, 1]
    assert other.tolist() == [0, 0, 0, 0]
    assert tar_at_far(same, other, 0.01) == accuracy(same, other) == 1.0
    overlapping = torch.tensor([0.1, 0.9])
    assert tar_at_far(overlapping, torch.tensor([0.5, 0.0]), 0.01) == 0.5


def test_distortions_are_ordered_and_repeat():
    images = toy_faces(people=2, views=2).first(4).images
    for seed in range(6):
        weak, strong = distorted(images, torch.Generator().manual_seed(seed))
        assert (weak - images).abs().mean() < (strong - images).abs().mean()
        assert torch.equal(weak, distorted(images, torch.Generator().manual_seed(seed))[0])
    assert softened(images, torch.Generator().manual_seed(1)).shape == images.shape


def test_who_cannot_learn_says_why():
    unlabelled = StoredFaces(torch.zeros(4, 16, 16, 3, dtype=torch.uint8), torch.full((4,), -1))
    with pytest.raises(InvalidInputError, match="labelled persons, at least 2; found 0"):
        trainer_of("identity", unlabelled)
    with pytest.raises(InvalidInputError, match="attributes or from labelled persons"):
        trainer_of("perceptual", unlabelled)


def test_persons_stand_in_for_attributes():
    trainer = trainer_of("perceptual", toy_faces())
    assert trainer.objective.module.reader.out_features == 4
    assert math.isfinite(float(trainer.step()["reading"]))

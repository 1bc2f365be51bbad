"""IDM's objective: its levels, its loss and gradients by hand, pairs of the second iteration."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_faces import toy_faces
from training_runs import NETWORKS

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.priors.idm import IDM_512, IDMNetwork
from pdgrad_core.diffusion.unet import UNetConfig
from pdgrad_core.errors import InvalidInputError, UnknownNameError, WrongArchitectureError
from pdgrad_core.restorers import load_restorer
from pdgrad_core.training.config import PRESETS, TrainingConfig, preset
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer, snapshot, train

NETWORK = NETWORKS["idm"]


def trainer_of(faces=None, **changes):
    values = {
        "network": NETWORK, "image_size": 16, "batch_size": 8, "total_images": 64,
        "learning_rate": 5e-3, "warmup_images": 8, "cooldown_images": 0, "ema_std": 0.25,
    }  # fmt: skip
    config = TrainingConfig("idm", **{**values, **changes})
    return Trainer(config, toy_faces(attributes=3) if faces is None else faces)


class Scaled(nn.Module):
    """f = w x_t + v x_d: its gradients are known by hand."""

    def __init__(self, w, v):
        super().__init__()
        self.w, self.v = nn.Parameter(torch.tensor(w)), nn.Parameter(torch.tensor(v))

    def estimate(self, degraded, x_t, _gamma):
        return self.w * x_t + self.v * degraded


def one_pixel(value):
    return torch.full((1, 3, 1, 1), value)


@pytest.mark.parametrize(
    ("prediction", "p", "loss", "dw", "dv"),
    [
        # x_t = 0.6 * 0.5 + 0.8 * 0.25 = 0.5; f = 0.4 * 0.5 + 0.2 * 0.75 = 0.35.
        ("x0", 1, 0.15, -0.5, -0.75),  # |f - 0.5|: the sign times x_t and x_d
        ("x0", 2, 0.0225, 2 * -0.15 * 0.5, 2 * -0.15 * 0.75),
        ("eps", 1, 0.10, 0.5, 0.75),  # |f - 0.25|
        ("eps", 2, 0.01, 2 * 0.10 * 0.5, 2 * 0.10 * 0.75),
    ],
)
def test_the_loss_and_its_gradients_by_hand(prediction, p, loss, dw, dv):
    objective = trainer_of(options={"prediction": prediction, "p": p}).objective
    module = Scaled(0.4, 0.2)
    error = objective.error(
        module, one_pixel(0.75), one_pixel(0.5), torch.tensor([0.36]), one_pixel(0.25)
    )
    error.backward()
    assert error.item() == pytest.approx(loss, rel=1e-5)
    assert float(module.w.grad) == pytest.approx(dw, rel=1e-5)
    assert float(module.v.grad) == pytest.approx(dv, rel=1e-5)


def test_levels_lie_between_neighbours_and_fill_the_schedule():
    objective = trainer_of().objective
    gamma = objective.draw_levels(1000, torch.Generator().manual_seed(0)).sort(descending=True)[0]
    abar = objective.levels
    before = torch.cat([torch.ones(1, dtype=abar.dtype), abar[:-1]])
    # One from each thousandth: between abar_t and abar_{t-1}, and not on the grid.
    assert bool(((gamma >= abar) & (gamma <= before)).all())
    assert not torch.isin(gamma, abar).any()
    assert bool((gamma < 1).all())


def test_the_loss_falls():
    trainer = trainer_of(total_images=100_000, batch_size=16)
    losses = [float(trainer.step()["loss"]) for _ in range(60)]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_what_is_exported_restores_as_the_average(prediction, tmp_path):
    trainer = trainer_of(options={"prediction": prediction})
    trainer.step()
    figures = snapshot(trainer, toy_faces(seed=1), tmp_path)
    assert figures.keys() == {"validation_loss", "psnr", "psnr_degraded"}
    export(trainer, tmp_path / "idm.safetensors", {"commit": "0"})
    restorer = load_restorer("idm", tmp_path / "idm.safetensors")
    assert restorer.prior.prediction == prediction
    y = torch.rand(1, 3, 16, 16) * 2 - 1
    expected = trainer.objective.restored(trainer.objective.average.module, y)
    # Exported in 16 bit: 2^-11 of each weight, ten steps.
    torch.testing.assert_close(restorer(y, noise=seeded_noise(y, 0)), expected, atol=0.02, rtol=0)


def test_pairs_are_degraded_from_the_originals_towards_the_enhanced():
    faces = toy_faces()
    pairs = replace(faces, images=255 - faces.images, originals=faces.images)
    trainer = trainer_of(pairs, flip=False)
    seen = {}

    def watch(_module, degraded, x0, _gamma, _eps):
        seen.update(degraded=degraded, x0=x0)
        return x0.new_zeros(())

    trainer.objective.error = watch
    batch = pairs.first(8)
    trainer.objective.losses(trainer.objective.module, batch, torch.Generator().manual_seed(0))
    assert torch.equal(seen["x0"], batch.images)
    # Blurred, the degraded face keeps its original's mean, and not its negative's.
    near = (seen["degraded"].mean((1, 2, 3)) - batch.originals.mean((1, 2, 3))).abs()
    far = (seen["degraded"].mean((1, 2, 3)) - batch.images.mean((1, 2, 3))).abs()
    assert bool((near < far).all())


def test_both_pictures_of_a_pair_are_mirrored_alike():
    faces = toy_faces()
    pairs = replace(faces, originals=faces.images)
    objective = trainer_of(pairs).objective
    seen = []
    objective.error = lambda _m, _d, x0, _g, _e: seen.append(x0) or x0.new_zeros(())
    objective.losses(objective.module, pairs.first(8), torch.Generator().manual_seed(0))
    without = trainer_of(faces).objective
    without.error = objective.error
    without.losses(without.module, faces.first(8), torch.Generator().manual_seed(0))
    assert torch.equal(seen[0], seen[1])


def test_a_run_begins_with_given_weights(tmp_path):
    first = trainer_of()
    first.step()
    export(first, tmp_path / "first.safetensors", {"commit": "0"})
    checkpoint = load_checkpoint(tmp_path / "first.safetensors")
    second = trainer_of(seed=1)
    second.objective.begin_with(checkpoint)
    for part in (second.objective.module, second.objective.average.module):
        for name, value in part.state_dict().items():
            assert torch.equal(value, checkpoint.tensors[name].float()), name
    wider = trainer_of(network={**NETWORK, "channel_mult": (2,)})
    with pytest.raises(WrongArchitectureError, match="not a checkpoint of the idm network of this"):
        wider.objective.begin_with(checkpoint)


def test_wrong_options_are_refused():
    with pytest.raises(InvalidInputError, match="prediction must be x0 or eps for an IDM, not 'v'"):
        trainer_of(options={"prediction": "v"})
    with pytest.raises(InvalidInputError, match="p, the power of the error, must be 1 or 2, not 3"):
        trainer_of(options={"p": 3})
    with pytest.raises(UnknownNameError, match="option of the idm objective named 'predicts'"):
        trainer_of(options={"predicts": "x0"})


def test_the_presets_are_what_they_say():
    paper = preset("idm-512")
    assert (paper.batch_size, paper.learning_rate, paper.image_size) == (32, 1e-4, 512)
    assert paper.total_images == 32 * 100_000
    assert PRESETS["idm-512-eps"].total_images == 32 * 1_000_000
    assert UNetConfig(**paper.network) == IDM_512
    small = preset("idm")
    network = IDMNetwork(UNetConfig(learn_sigma=False, **small.network))
    # In 16 bit: below 3 MB.
    assert 2 * sum(p.numel() for p in network.parameters()) < 3_000_000


def test_a_short_run_writes_its_figures(tmp_path):
    train(trainer_of(total_images=16), toy_faces(seed=1), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert rows[-1]["validation"]["psnr"] > 0

"""An objective of two optimisers, and one in a file of its own: neither needs an edit elsewhere."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
from toy_faces import toy_faces
from training_runs import states_equal, tiny

from pdgrad_core.errors import CorruptCheckpointError
from pdgrad_core.registry import discover
from pdgrad_core.training import config as configs
from pdgrad_core.training import objectives
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer, train
from pdgrad_core.training.objectives import OBJECTIVES
from pdgrad_core.training.objectives.base import Exported, Objective

SCRIPT = Path(__file__).parents[3] / "scripts" / "train.py"


class ToyGan(Objective):
    """A generator of pictures from noise, and a discriminator that learns four times as fast."""

    network_keys = ("width",)
    option_defaults: ClassVar = {"discriminator_rate": 4.0}

    def build(self):
        width, size = self.config.network.get("width", 4), self.config.image_size
        module = nn.Module()
        module.generator = nn.Sequential(
            nn.Linear(8, 3 * size**2), nn.Unflatten(1, (3, size, size)), nn.BatchNorm2d(3)
        )
        module.discriminator = nn.Sequential(
            nn.Conv2d(3, width, 1, stride=2), nn.LeakyReLU(0.2), nn.Flatten(), nn.LazyLinear(1)
        )
        module.discriminator(torch.zeros(1, 3, size, size))
        return module

    def make_optimizers(self):
        parts = ("generator", "discriminator")
        return {part: self.adamw(self.module.get_submodule(part)) for part in parts}

    def averaged(self):
        return self.module.generator

    def step(self, batch, images, generator):
        noise = torch.randn(len(batch.images), 8, generator=generator).to(self.device)
        with self.autocast():
            made = self.module.generator(noise)
            loss = F.softplus(-self.module.discriminator(made)).mean()
        self.descend("generator", loss, images)
        with self.autocast():
            real = F.softplus(-self.module.discriminator(batch.images)).mean()
            false = F.softplus(self.module.discriminator(made.detach())).mean()
        self.descend("discriminator", real + false, images, self.options["discriminator_rate"])
        return {"loss": loss, "discriminator": real + false}

    def validate(self, module, faces):
        return {"spread": float(module(torch.eye(8)).std())}

    def sheet(self, module, faces):
        return [module(torch.eye(8))]

    def export(self, module):
        return Exported(module.state_dict(), {})


@pytest.fixture
def registered(monkeypatch):
    """Tables that may be written to; afterwards they are as before."""
    monkeypatch.setattr(OBJECTIVES, "members", dict(OBJECTIVES.members))
    presets = dict(configs.PRESETS)
    yield
    configs.PRESETS.clear()
    configs.PRESETS.update(presets)
    sys.modules.pop(f"{objectives.__name__}.dropped", None)


@pytest.fixture
def gan(registered):
    OBJECTIVES.register("toy-gan")(ToyGan)
    return tiny("toy-gan")


def trained(config, steps):
    trainer = Trainer(config, toy_faces())
    for _ in range(steps):
        trainer.step()
    return trainer


def test_each_part_moves_at_its_own_rate_and_only_by_its_own_optimizer(gan):
    trainer = trained(gan, 3)
    rates = {n: o.param_groups[0]["lr"] for n, o in trainer.objective.optimizers.items()}
    assert rates["discriminator"] == pytest.approx(4 * rates["generator"])
    module = trainer.objective.module
    before = {name: value.clone() for name, value in module.named_parameters()}
    loss = F.softplus(-module.discriminator(module.generator(torch.ones(2, 8)))).mean()
    trainer.objective.descend("generator", loss, trainer.images)
    moved = {n for n, value in module.named_parameters() if not torch.equal(value, before[n])}
    assert moved
    assert all(name.startswith("generator.") for name in moved)


def test_it_is_interrupted_and_resumes_bit_for_bit(gan, tmp_path):
    whole, first = trained(gan, 6), trained(gan, 3)
    first.save(tmp_path)
    torch.rand(7)
    second = Trainer(gan, toy_faces())
    assert second.resume(tmp_path)
    for _ in range(3):
        second.step()
    states_equal(whole, second)
    with pytest.raises(CorruptCheckpointError, match="not a state of this training run"):
        Trainer(tiny("coarse"), toy_faces()).resume(tmp_path)


def test_it_trains_to_the_end_and_exports_the_average_of_its_generator(gan, tmp_path):
    trainer = Trainer(gan, toy_faces())
    train(trainer, toy_faces(seed=1), tmp_path)
    assert trainer.done
    assert (tmp_path / "samples_000000064.png").is_file()
    export(trainer, tmp_path / "toy.safetensors", {"commit": "0"})
    found = load_file(tmp_path / "toy.safetensors")
    assert set(found) == set(trainer.objective.module.generator.state_dict())
    average = trainer.objective.average.module.state_dict()
    torch.testing.assert_close(found["0.bias"], average["0.bias"], rtol=0, atol=0)


DROPPED = '''"""A coarse restorer under another name, with a preset of its own."""

from ..config import TrainingConfig, add_preset
from .base import OBJECTIVES
from .coarse import CoarseObjective


@OBJECTIVES.register("dropped")
class Dropped(CoarseObjective):
    """As coarse."""


add_preset("dropped-small", TrainingConfig("dropped", {"width": 4, "blocks": 1}, image_size=16))
'''


def test_a_file_dropped_into_the_folder_brings_its_preset_to_the_script(
    registered, tmp_path, monkeypatch
):
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "dropped.py").write_text(DROPPED, encoding="utf-8")
    monkeypatch.setattr(objectives, "__path__", [*objectives.__path__, str(folder)])
    importlib.invalidate_caches()
    discover(objectives.__name__, [str(folder)])
    pixels = np.random.default_rng(0).integers(0, 255, (20, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "faces.npz", images=pixels)
    spec = importlib.util.spec_from_file_location("train_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    target = tmp_path / "dropped.safetensors"
    words = ["dropped-small", "--images", str(tmp_path / "faces.npz"), "--out", str(tmp_path)]
    words += ["--total-images", "16", "--batch-size", "8", "--device", "cpu"]
    assert script.main([*words, "--export", str(target)]) == 0
    assert target.is_file()

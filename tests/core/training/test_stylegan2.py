"""StyleGAN2's objective: who moves at which step, resuming, what is exported, what is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file
from toy_faces import toy_faces
from training_runs import states_equal, tiny

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.features.discriminator import load_discriminator
from pdgrad_core.gan.generator import StyleGenerator
from pdgrad_core.training.config import preset
from pdgrad_core.training.export import export
from pdgrad_core.training.loop import Trainer, train

NETWORK = {
    "widths": (16, 16, 16), "style_width": 8, "mapping_layers": 2,
    "discriminator_widths": (16, 16, 16),
}  # fmt: skip


def config_of(**changes):
    values = {"network": NETWORK, "betas": (0.0, 0.99), "gradient_clip": 0.0, "warmup_images": 0}
    return tiny("stylegan2", **{**values, **changes})


def trained(config, steps):
    trainer = Trainer(config, toy_faces())
    for _ in range(steps):
        trainer.step()
    return trainer


def test_penalties_come_every_so_many_steps_and_not_at_all_at_weight_zero():
    options = {"r1_interval": 2, "path_interval": 3}
    trainer = Trainer(config_of(options=options), toy_faces())
    seen = [trainer.step().keys() for _ in range(4)]
    assert [("r1" in losses) for losses in seen] == [True, False, True, False]
    assert [("path_length" in losses) for losses in seen] == [True, False, False, True]
    without = Trainer(config_of(options={"r1": 0.0, "path_length": 0.0}), toy_faces())
    assert without.step().keys() == {"loss", "discriminator"}
    assert float(without.objective.module.path_mean) == 0


def test_the_penalties_change_only_their_own_network():
    # The very first step: the losses of both runs see the same networks and draws.
    states = {}
    for name in ("both", "r1", "path_length"):
        options = {} if name == "both" else {name: 0.0}
        states[name] = trained(config_of(options=options), 1).objective.module.state_dict()
    changed = {
        name: {
            key.split(".")[0] for key in state if not torch.equal(state[key], states["both"][key])
        }
        for name, state in states.items()
    }
    assert changed["r1"] == {"discriminator"}
    # Without the paths' step the path mean stays, and so do fewer draws: faces are the same.
    assert changed["path_length"] == {"generator", "path_mean"}


def test_the_path_mean_moves_a_hundredth_of_the_way():
    trainer = trained(config_of(options={"path_interval": 1}), 1)
    mean = float(trainer.objective.module.path_mean)
    assert mean > 0
    # Started from 0, the penalty is the mean square of 0.99 of the lengths, or more.
    losses = Trainer(config_of(options={"path_interval": 1}), toy_faces()).step()
    assert float(losses["path_length"]) >= (99 * mean) ** 2 * 0.999


def test_it_is_interrupted_and_resumes_bit_for_bit(tmp_path):
    config = config_of(options={"r1_interval": 2, "path_interval": 2})
    whole, first = trained(config, 6), trained(config, 3)
    first.save(tmp_path)
    torch.rand(7)
    second = Trainer(config, toy_faces())
    assert second.resume(tmp_path)
    for _ in range(3):
        second.step()
    states_equal(whole, second)


def test_a_run_exports_the_average_and_the_discriminator_beside_it(tmp_path):
    trainer = Trainer(config_of(total_images=16), toy_faces())
    train(trainer, toy_faces(seed=1), tmp_path)
    assert (tmp_path / "samples_000000016.png").is_file()
    # A penalty of one step in two is reported as it was then, not as half of it.
    row = json.loads((tmp_path / "stats.jsonl").read_text().splitlines()[0])
    first = Trainer(config_of(total_images=16), toy_faces()).step()
    assert row["r1"] == pytest.approx(float(first["r1"]), rel=1e-6)
    export(trainer, tmp_path / "faces.safetensors", {"commit": "0"})
    found = load_file(tmp_path / "faces.safetensors")
    network = StyleGenerator((16, 16, 16), 8, 2)
    network.load_state_dict(found)
    expected = trainer.objective.faces(trainer.objective.average.module, 4)
    # 16 bit: 2^-11 of each weight, eight layers.
    torch.testing.assert_close(trainer.objective.faces(network, 4), expected, atol=0.02, rtol=0)
    judge = load_discriminator(tmp_path / "faces-D.safetensors")
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    expected = trainer.objective.module.discriminator(image)
    torch.testing.assert_close(judge.network(image), expected, atol=0.02, rtol=0.02)


def test_the_judge_learns_to_tell_and_the_faces_follow():
    trainer = Trainer(config_of(total_images=100_000, options={"r1": 1.0}), toy_faces())
    judged = [float(trainer.step()["discriminator"]) for _ in range(25)]
    assert min(judged) < 0.8 * judged[0]
    assert all(torch.isfinite(p).all() for p in trainer.objective.module.parameters())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image_size": 48}, "power of two from 16 to 1024 pixels, not 48"),
        ({"network": {**NETWORK, "widths": (16, 16)}}, "widths has one entry for 4 pixels"),
        (
            {"network": {**NETWORK, "discriminator_widths": (16,) * 4}},
            "discriminator_widths has one entry for 4 pixels and one for each doubling up to 16",
        ),
        ({"options": {"r1_interval": 0}}, "r1_interval must be at least 1, not 0"),
    ],
)
def test_wrong_numbers_are_refused(changes, said):
    with pytest.raises(InvalidInputError, match=said):
        Trainer(config_of(**changes), toy_faces())


def test_the_preset_is_small_enough_for_its_restorer():
    config = preset("stylegan2")
    network = config.network
    generator = StyleGenerator(network["widths"], network["style_width"], network["mapping_layers"])
    assert generator.image_size == config.image_size
    assert sum(p.numel() for p in generator.parameters()) < 1_000_000

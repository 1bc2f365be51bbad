"""The GPEN benchmark on a stand-in for the official checkout, which is not ours to keep."""

import json

import pytest
import torch

from pdgrad_core.benchmarks.gan_prior import GPENJob, benchmark_gan_prior
from pdgrad_core.cli import main
from pdgrad_core.errors import CheckpointError, InvalidInputError
from pdgrad_core.gan.config import GANPriorConfig, stylegan_widths
from pdgrad_core.gan.network import GANPriorNetwork

# What the benchmark relies on: the module's place, its constructor, and a result of two parts.
MODEL = """
import torch

class FullGenerator(torch.nn.Module):
    def __init__(self, size, style_dim, n_mlp, channel_multiplier, narrow, device):
        super().__init__()
        assert (size, style_dim, n_mlp, channel_multiplier, narrow) == (64, 32, 2, 1, 0.0625)
        assert device == "cpu" and not torch.cuda.is_available()

    def load_state_dict(self, state):
        assert state["generator.input.input"].shape == (1, 32, 4, 4)

    def forward(self, x):
        return 0 * x + 2, "latent"
"""


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "face_model"
    folder.mkdir()
    (folder / "gpen_model.py").write_text(MODEL)
    config = GANPriorConfig(stylegan_widths(64, 1, 0.0625), 32, 2, mmrb=False, decoder=False)
    network = GANPriorNetwork(config)
    for name, parameter in network.named_parameters():
        if "to_rgb" in name:
            parameter.data.fill_(float(name == "generator.to_rgb1.bias"))
    torch.save(network.state_dict(), tmp_path / "gpen.pth")
    return GPENJob(tmp_path, tmp_path / "gpen.pth", "cpu", threads=1)


def test_both_sides_restore_and_are_compared(job, capsys):
    arguments = ["--checkout", str(job.checkout), "--weights", str(job.weights), "--turns", "1"]
    options = ["--device", "cpu", "--threads", "1", "--json"]
    assert main(["benchmark", "gan-prior", *arguments, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["size_px"], found["turns"], found["threads"]) == (64, 1, 1)
    assert found["ratio"] == found["theirs_seconds"] / found["ours_seconds"]
    # Ours is the lowest scale's bias, 1, enlarged: at the border the low-pass fades it out.
    assert 1 < found["difference"] <= 2
    assert found["relative_difference"] == found["difference"] / 2


def test_wrong_input_is_refused_before_any_process(job, tmp_path):
    with pytest.raises(InvalidInputError, match=r"no checkout of yangxy/GPEN"):
        benchmark_gan_prior(GPENJob(tmp_path / "face_model", job.weights))
    with pytest.raises(InvalidInputError, match="at least one turn, not 0"):
        benchmark_gan_prior(job, turns=0)
    torch.save({"a": torch.zeros(2)}, job.weights)
    with pytest.raises(CheckpointError, match=r"gpen\.pth is not a checkpoint"):
        benchmark_gan_prior(job)

"""The benchmark of whole runs times what it says, on tiny networks; its times are not judged."""

import json

import pytest
import torch
from golden import tiny_prior
from networks import small_networks

from pdgrad_core.benchmarks import restoring
from pdgrad_core.cli import main
from pdgrad_core.diffusion.sampler import Sampler

COMMAND = ["benchmark", "restore", "--size", "64", "--precision", "exact", "--device", "cpu"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    networks = small_networks(), tiny_prior()
    monkeypatch.setattr(restoring, "load_networks", lambda *_args, **_options: networks)


def test_every_number_of_faces_and_steps_is_a_row(capsys):
    assert main([*COMMAND, "--steps", "1", "2", "--batch", "1", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = [(row["batch"], row["steps"]) for row in found["runs"]]
    assert rows == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for row in found["runs"]:
        assert row["seconds"] == pytest.approx(row["steps"] * row["seconds_per_step"])
        assert row["seconds"] == pytest.approx(row["batch"] * row["seconds_per_face"])
    assert (found["tf32"], found["timer"], found["precision"]) == (False, "wall clock", "exact")


def test_what_does_not_fit_is_a_row_too(monkeypatch, capsys):
    def full(*_args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Sampler, "run", full)
    assert main([*COMMAND, "--steps", "1", "--batch", "1"]) == 0
    assert "does not fit into the device's memory" in capsys.readouterr().out


def test_no_steps_are_refused(capsys):
    assert main([*COMMAND, "--steps", "0"]) == 1
    assert "at least one step" in capsys.readouterr().err

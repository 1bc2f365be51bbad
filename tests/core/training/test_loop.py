"""The loop: exact continuation, reports, snapshots, faults."""

import json

import pytest
import torch
from toy_faces import toy_faces
from training_runs import NETWORKS, states_equal, tiny

from pdgrad_core.errors import CorruptCheckpointError, InvalidInputError
from pdgrad_core.training import loop
from pdgrad_core.training.loop import Trainer, train


@pytest.mark.parametrize("objective", NETWORKS)
def test_an_interrupted_run_continues_exactly(objective, tmp_path):
    faces = toy_faces(attributes=3)
    whole = Trainer(tiny(objective), faces)
    for _ in range(6):
        whole.step()
    first = Trainer(tiny(objective), faces)
    for _ in range(3):
        first.step()
    first.save(tmp_path)
    torch.rand(7)  # the global generator is nobody's business
    second = Trainer(tiny(objective, seed=0), faces)
    assert second.resume(tmp_path)
    assert second.images == 24
    for _ in range(3):
        second.step()
    states_equal(whole, second)


def test_seeds_differ_and_repeat():
    faces = toy_faces()
    one, same, other = (Trainer(tiny("coarse", seed=seed), faces) for seed in (0, 0, 1))
    weights = [t.objective.module.enter.weight for t in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert float(one.step()["loss"]) == float(same.step()["loss"])


def test_train_writes_state_stats_and_sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_IMAGES", 16)
    faces = toy_faces()
    train(Trainer(tiny("coarse"), faces), toy_faces(seed=1), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows] == [16, 32, 32, 48, 64, 64]
    assert {"loss", "learning_rate", "images_per_second"} <= rows[0].keys()
    assert rows[2]["validation"].keys() == {"l1", "psnr", "psnr_degraded"}
    assert (tmp_path / "samples_000000064.png").is_file()
    again = Trainer(tiny("coarse"), faces)
    train(again, toy_faces(seed=1), tmp_path)
    assert again.done
    assert len((tmp_path / "stats.jsonl").read_text().splitlines()) == 6


def test_no_time_left_still_leaves_a_state(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_IMAGES", 8)
    trainer = Trainer(tiny("coarse"), toy_faces())
    train(trainer, toy_faces(seed=1), tmp_path, minutes=1e-6)
    assert trainer.images == 0 or Trainer(tiny("coarse"), toy_faces()).resume(tmp_path)


def test_a_foreign_or_damaged_state_is_refused(tmp_path):
    faces = toy_faces()
    Trainer(tiny("coarse"), faces).save(tmp_path)
    with pytest.raises(CorruptCheckpointError, match="not a state of this training run"):
        Trainer(tiny("identity"), faces).resume(tmp_path)
    (tmp_path / "state.pt").write_bytes(b"half a file")
    with pytest.raises(CorruptCheckpointError, match="choose another --out"):
        Trainer(tiny("coarse"), faces).resume(tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path):
    trainer = Trainer(tiny("coarse"), toy_faces())
    trainer.objective.module.leave.bias.data.fill_(float("nan"))
    with pytest.raises(InvalidInputError, match="not finite after"):
        train(trainer, toy_faces(seed=1), tmp_path)


def test_a_run_is_described_by_one_line_of_json():
    assert json.loads(loop.describe(tiny("prior")))["network"]["width"] == 32


def test_the_states_layout_is_the_one_that_older_runs_saved(tmp_path):
    trainer = Trainer(tiny("coarse"), toy_faces())
    trainer.step()
    trainer.save(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state.keys() == {"images", "module", "optimizer", "average"}
    assert state["module"].keys() == trainer.objective.module.state_dict().keys()

"""The training script: from pictures to a weight file, and what it refuses."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pdgrad_core.checkpoints import read_metadata
from pdgrad_core.restorers import load_restorer

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("train_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def faces(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "faces.npz", images=pixels, label=np.arange(20) // 2)
    return tmp_path / "faces.npz"


def test_pictures_become_a_weight_file(script, faces, tmp_path):
    words = ["coarse", "--images", str(faces), "--out", str(tmp_path / "run"), "--device", "cpu"]
    words += ["--total-images", "16", "--cooldown-images", "8", "--batch-size", "8"]
    target = tmp_path / "coarse.safetensors"
    assert script.main([*words, "--export", str(target)]) == 0
    assert load_restorer("demo", target).name == "demo"
    metadata = read_metadata(target)
    assert metadata["pdgrad.images_seen"] == "16"
    assert metadata["pdgrad.data"] == "faces.npz"
    assert metadata["pdgrad.command"] == (
        "python scripts/train.py coarse --images faces.npz --total-images 16 "
        "--cooldown-images 8 --batch-size 8 "
        "--out runs/coarse"
    )
    assert str(tmp_path) not in str(metadata)


def test_faces_are_drawn_into_a_file(script, tmp_path):
    target = tmp_path / "drawn.npz"
    words = ["render", "--out", str(target), "--people", "2", "--held-out", "1", "--views", "2"]
    assert script.main(words) == 0
    with np.load(target) as arrays:
        assert arrays["images"].shape == (6, 64, 64, 3)
        assert arrays["split"].tolist() == [0, 0, 0, 0, 1, 1]


def test_an_error_is_one_sentence(script, tmp_path, capsys):
    words = ["identity", "--images", str(tmp_path / "nowhere"), "--out", str(tmp_path)]
    assert script.main(words) == 1
    assert capsys.readouterr().err.startswith("train: Expected 'drawn', a folder")


def test_the_training_pictures_and_the_run_keep_their_places(script, faces, tmp_path, capsys):
    before = faces.read_bytes()
    linked = tmp_path / "linked.safetensors"
    linked.hardlink_to(faces)
    words = ["identity", "--images", str(faces), "--out"]
    for out, export, message in (
        (tmp_path / "run", faces, "--export would overwrite the input"),
        (tmp_path / "run", linked, "--export would overwrite the input"),
        (tmp_path / "run", tmp_path / "run" / "state.pt", "--export and --out would both write"),
        (faces / "run", tmp_path / "weights.safetensors", "faces.npz is a file"),
    ):
        assert script.main([*words, str(out), "--export", str(export)]) == 1
        assert message in capsys.readouterr().err
    assert faces.read_bytes() == before and not (tmp_path / "run").exists()


def test_ctrl_c_is_one_sentence(script, monkeypatch, tmp_path, capsys):
    def interrupted(_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "run", interrupted)
    assert script.main(["identity", "--out", str(tmp_path)]) == 130
    assert "the same command continues" in capsys.readouterr().err


def test_the_extrinsic_iteration(script, faces, tmp_path, capsys):
    new = tmp_path / "new.npz"
    words = ["enhance", "--images", str(faces), "--restorer", "none", "--device", "cpu", "--out"]
    assert script.main([*words, str(new)]) == 0
    with np.load(new) as arrays:
        assert np.array_equal(arrays["images"], arrays["originals"])
    assert script.main([*words, str(faces)]) == 1
    assert "would overwrite the input" in capsys.readouterr().err


def test_a_second_run_begins_with_the_firsts_weights(script, faces, tmp_path, capsys):
    words = ["coarse", "--images", str(faces), "--device", "cpu", "--batch-size", "8"]
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    words += ["--total-images", "8", "--out"]
    assert script.main([*words, str(tmp_path / "a"), "--export", str(first)]) == 0
    again = [*words, str(tmp_path / "b"), "--init", str(first)]
    assert script.main([*again, "--export", str(second)]) == 0
    assert "--init first.safetensors" in read_metadata(second)["pdgrad.command"]
    assert script.main([*again, "--export", str(first)]) == 1
    assert "would overwrite the input" in capsys.readouterr().err
    assert script.main(["idm", *words[1:], str(tmp_path / "c"), "--init", str(first)]) == 1
    assert "not a checkpoint of the idm network" in capsys.readouterr().err

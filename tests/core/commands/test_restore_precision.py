"""`pdgrad restore --precision` as a user calls it, on small models."""

import json

import pytest
import torch
from model_files import SIZE_PX, write_models
from networks import images

from pdgrad_core.cli import main
from pdgrad_core.images import save_image
from pdgrad_core.models import precision


def restore(folder, *arguments):
    for name, seed in (("photo", 1), ("reference", 2)):
        save_image(images(1, 2 * SIZE_PX, seed=seed), folder / f"{name}.png")
    models = write_models(folder / "models")
    command = ["restore", folder / "photo.png", "--reference", folder / "reference.png"]
    command += ["--aligned", "--models", models, "--restorer", "none", "--device", "cpu"]
    command += ["--steps", "2", "--out", folder / "out.png", "--report", folder / "report.json"]
    return main([str(text) for text in (*command, *arguments)])


@pytest.mark.parametrize(
    ("arguments", "name", "dtype"),
    [
        ((), "balanced", "bfloat16"),
        (("--precision", "exact"), "exact", "float32"),
        (("--precision", "fast", "--dtype", "float32"), "fast", "float32"),
    ],
)
def test_the_report_names_the_precision(arguments, name, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: torch.bfloat16)
    assert restore(tmp_path, *arguments) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["precision"], report["dtype"]) == (name, dtype)
    assert report["compiled"] is False


def test_auto_is_exact_where_16_bit_is_slow(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: None)
    assert restore(tmp_path) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["precision"], report["dtype"]) == ("exact", "float32")


@pytest.mark.parametrize(
    ("name", "message"), [("exakt", "Did you mean 'exact'"), ("fast", "choose 'exact' or 'auto'")]
)
def test_wrong_choices_are_explained(name, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(precision, "fast_16_bit_dtype", lambda _device: None)
    assert restore(tmp_path, "--precision", name) == 1
    assert message in capsys.readouterr().err

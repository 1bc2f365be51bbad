"""`pdgrad restore` with the GAN prior as a user calls it, on small models."""

import json

import pytest
import torch
from networks import images
from small_models import write_small_models

from pdgrad_core import embedded as models
from pdgrad_core.cli import main
from pdgrad_core.images import load_image, save_image
from pdgrad_core.recipes import DEFAULT_RECIPE
from pdgrad_core.restorers import load_restorer


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", write_small_models(tmp_path / "models"))
    for name in ("face", "same"):
        save_image(images(1, 64, seed=len(name)), tmp_path / f"{name}.png")


def restore(folder, *arguments):
    """Run `pdgrad restore ... --restorer gan-prior`, and return what its report says."""
    status = main(
        [
            *("restore", str(folder / "face.png"), "--aligned", "--models", "demo"),
            *("--restorer", "gan-prior", "--device", "cpu", "--out", str(folder / "out.png")),
            *("--report", str(folder / "report.json"), *map(str, arguments)),
        ]
    )
    assert status == 0
    return json.loads((folder / "report.json").read_text())


def test_without_a_reference_its_face_is_the_result(tmp_path):
    report = restore(tmp_path, "--save-stages", tmp_path / "stages")
    assert report["photos"][0]["settings"]["recipe"] == "coarse"
    assert report["weights"]["restorer"]["file"] == "gan-prior.safetensors"
    restorer = load_restorer("gan-prior", tmp_path / "models" / "gan-prior.safetensors")
    face = restorer(load_image(tmp_path / "face.png"))
    for written in (tmp_path / "stages" / "coarse.png", tmp_path / "out.png"):
        torch.testing.assert_close(load_image(written), face, atol=2 / 255, rtol=0)


def test_with_a_reference_it_is_guided_by_the_default_recipe(tmp_path):
    report = restore(tmp_path, "--steps", 2, "--reference", tmp_path / "same.png")
    assert report["photos"][0]["settings"]["recipe"] == DEFAULT_RECIPE

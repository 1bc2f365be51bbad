"""`pdgrad restore` with IDM as a user calls it, on small models."""

import json

import pytest
import torch
from networks import images
from small_models import write_small_models

from pdgrad_core import embedded as models
from pdgrad_core.cli import main
from pdgrad_core.images import load_image, save_image
from pdgrad_core.recipes import DEFAULT_RECIPE


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", write_small_models(tmp_path / "models"))
    for name in ("face", "same"):
        save_image(images(1, 64, seed=len(name)), tmp_path / f"{name}.png")
    save_image(torch.ones(1, 3, 64, 64), tmp_path / "mask.png")


def restore(folder, *arguments):
    return main(
        [
            *("restore", str(folder / "face.png"), "--aligned", "--models", "demo"),
            *("--device", "cpu", "--out", str(folder / "out.png")),
            *("--report", str(folder / "report.json"), *map(str, arguments)),
        ]
    )


def settings(folder):
    (photo,) = json.loads((folder / "report.json").read_text())["photos"]
    return photo["settings"]


def test_the_restorer_alone_is_its_own_recipe(tmp_path):
    assert restore(tmp_path, "--restorer", "idm") == 0
    alone = load_image(tmp_path / "out.png")
    assert settings(tmp_path)["recipe"] == "idm"
    assert settings(tmp_path)["steps"] == 10
    assert restore(tmp_path, "--recipe", "idm") == 0
    assert torch.equal(load_image(tmp_path / "out.png"), alone)


def test_with_a_recipe_or_a_reference_it_makes_the_coarse_face(tmp_path):
    quick = ("--restorer", "idm", "--steps", 2)
    assert restore(tmp_path, *quick, "--recipe", "a5") == 0
    assert settings(tmp_path)["recipe"] == "a5"
    assert restore(tmp_path, *quick, "--reference", tmp_path / "same.png") == 0
    assert settings(tmp_path)["recipe"] == DEFAULT_RECIPE


@pytest.mark.parametrize("restorer", [(), ("--restorer", "demo")])
def test_guided(tmp_path, restorer):
    reference = ("--reference", tmp_path / "same.png")
    assert restore(tmp_path, "--recipe", "idm+pdgrad", "--steps", 2, *reference, *restorer) == 0
    assert settings(tmp_path)["recipe"] == "idm+pdgrad"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "idm", "--mask", "mask.png"), "takes no mask; leave it out, or use"),
        (("--recipe", "idm", "--steps", 0), "can be 1 to 1000 steps, not 0"),
        (("--restorer", "idm", "--steps", 1001), "can be 1 to 1000 steps, not 1001"),
        (("--recipe", "idm+pdgrad"), "give at least one, or use the recipe 'idm'"),
        (("--restorer", "none"), "guided by a reference photo"),
        (("--restorer", "gfpgan", "--recipe", "idm"), "have no restorer 'gfpgan'"),
    ],
)
def test_bad_input_is_one_sentence_before_the_work(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert restore(tmp_path, *arguments) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()

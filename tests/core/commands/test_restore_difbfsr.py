"""`pdgrad restore --recipe difbfsr` as a user calls it, on small models."""

import json
from dataclasses import replace

import pytest
from networks import images
from small_models import write_small_models

from pdgrad_core import embedded as models
from pdgrad_core.cli import main
from pdgrad_core.images import load_image, save_image
from pdgrad_core.recipes import RECIPES


@pytest.fixture(autouse=True)
def small_and_quick(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", write_small_models(tmp_path / "models"))
    for name in ("difbfsr", "difbfsr+pdgrad"):
        monkeypatch.setitem(RECIPES.members, name, replace(RECIPES[name], iterations=2))
    save_image(images(1, 16, seed=1), tmp_path / "small.png")
    save_image(images(1, 64, seed=2), tmp_path / "same.png")


def restore(folder, *arguments):
    return main(
        [
            *("restore", str(folder / "small.png"), "--aligned", "--models", "demo"),
            *("--device", "cpu", "--steps", "2", "--out", str(folder / "out.png")),
            *("--report", str(folder / "report.json"), *map(str, arguments)),
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "curve"),
    [(("--scale", 4), 3), (("--scale", 2, "--fit", "along"), 3), (("--tau", 1000), 3)],
)
def test_a_small_face_is_enlarged(tmp_path, arguments, curve):
    assert restore(tmp_path, "--recipe", "difbfsr", *arguments) == 0
    assert load_image(tmp_path / "out.png").shape == (1, 3, 64, 64)
    (photo,) = json.loads((tmp_path / "report.json").read_text())["photos"]
    assert [len(losses) for losses in photo["fit_losses"]] == [curve]
    assert photo["settings"]["recipe"] == "difbfsr"


def test_with_a_reference(tmp_path):
    recipe = ("--recipe", "difbfsr+pdgrad", "--reference", tmp_path / "same.png")
    assert restore(tmp_path, *recipe) == 0
    (photo,) = json.loads((tmp_path / "report.json").read_text())["photos"]
    assert "low.cosine" in photo["trace"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "difbfsr", "--scale", 5), "64x64 pixels"),
        (("--recipe", "a5", "--scale", 4), "enlarges nothing"),
        (("--recipe", "difbfsr+pdgrad"), "reference"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(tmp_path, capsys, arguments, message):
    assert restore(tmp_path, *arguments) == 1
    assert message in capsys.readouterr().err

"""`pdgrad demo` as a newcomer calls it, on tiny random networks."""

import json
import shlex

import pytest
from PIL import Image
from small_models import write_small_models

from pdgrad_core.cli import main
from pdgrad_core.images import load_image
from pdgrad_core.recipes import DEFAULT_RECIPE


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("networks"))


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Let every recipe take three steps."""
    from dataclasses import replace

    from pdgrad_core.recipes import RECIPES

    for name in (DEFAULT_RECIPE, "a5", "none"):
        monkeypatch.setitem(RECIPES.members, name, replace(RECIPES[name], steps=3))


def demo(models, out, *arguments):
    return main(["demo", "--models", str(models), "--out", str(out), "--device", "cpu", *arguments])


def test_it_writes_pictures_and_a_report(models, tmp_path, capsys):
    assert demo(models, tmp_path / "out") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("sheet.png", "x0hat.png", "trace.png", "report.json"),
        *("degraded.png", "reference.png", "coarse.png", "result.png", "truth.png"),
    }
    width, height = Image.open(tmp_path / "out/sheet.png").size
    assert width > 5 * 256 and height > 256
    assert Image.open(tmp_path / "out/truth.png").size == (64, 64)
    report = json.loads((tmp_path / "out/report.json").read_text())
    for stage in ("degraded", "coarse", "result"):
        assert {"psnr", "lpips", "deg"} <= set(report["metrics"][stage])
    assert report["settings"]["recipe"] == DEFAULT_RECIPE
    assert len(report["trace"]) == 3
    assert report["seconds"]["total"] > report["seconds"]["sampling"] > 0
    text = capsys.readouterr().out
    assert "drawn faces" in text and "sheet.png" in text


def test_identity_seed_and_recipe_vary_it(models, tmp_path, capsys):
    runs = {
        "a": (),
        "again": (),
        "seed": ("--seed", "4"),
        "person": ("--identity", "3"),
        "recipe": ("--recipe", "none"),
    }
    for name, arguments in runs.items():
        assert demo(models, tmp_path / name, *arguments) == 0
    pixels = {name: load_image(tmp_path / name / "result.png") for name in runs}
    truth = {name: load_image(tmp_path / name / "truth.png") for name in runs}
    assert (pixels["a"] == pixels["again"]).all()
    for name in ("seed", "person", "recipe"):
        assert (pixels["a"] != pixels[name]).any()
        assert (truth["a"] != truth[name]).any() == (name == "person")


def test_json_is_the_report(models, tmp_path, capsys):
    assert demo(models, tmp_path / "out", "--recipe", "a5", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "out/report.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "pdgrd"), "Did you mean 'pdgrad'"),
        (("--identity", "-1"), "drawn test persons"),
        (("--recipe", "pgdiff-inpainting"), "needs a mask"),
    ],
)
def test_what_cannot_work_is_one_sentence(models, tmp_path, capsys, arguments, message):
    assert demo(models, tmp_path / "out", *arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_it_draws_an_album_whose_people_are_told_apart(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--album", "my album"]) == 0
    *files, _, command = capsys.readouterr().out.splitlines()
    assert "my album/scans/1950/three.png" in files
    assert all((tmp_path / name).is_file() for name in files)
    program, *arguments = shlex.split(command)
    assert program == "pdgrad"
    assert main([*arguments, "--dry-run", "--no-turns", "--no-tiles"]) == 0
    text = (tmp_path / "my album" / "restored" / "people.txt").read_text()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    found = {(photo, int(face)): person for photo, face, person, *_ in rows}
    assert found == {
        ("1950/garden.png", 0): "bert",
        ("1950/three.png", 0): "carl",
        ("1950/three.png", 1): "anna",
        ("1950/three.png", 2): "?",
        ("1951/wedding.png", 0): "bert",
        ("1951/wedding.png", 1): "carl",
        ("party.png", 0): "anna",
        ("party.png", 1): "carl",
    }


def test_an_album_overwrites_nothing(tmp_path, capsys):
    (tmp_path / "people").mkdir()
    assert main(["demo", "--album", str(tmp_path)]) != 0
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["people"]

"""`pdgrad restore` on several photos: what fails is named, the rest is done, nothing is lost."""

import json
import os
from pathlib import Path

import pytest
import torch
from model_files import write_models
from networks import images
from PIL import Image

from pdgrad_core.alignment import detect
from pdgrad_core.cli import main
from pdgrad_core.images import save_image

LANDMARKS = "24,30 40,30 32,40 26,46 38,46"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two aligned faces, one that is not square, and a broken file."""
    for name, seed in (("a.png", 1), ("b.jpg", 2), ("ref.png", 3)):
        save_image(images(1, 64, seed), tmp_path / name)
    save_image(images(1, 80, 4)[..., :64], tmp_path / "wide.png")
    (tmp_path / "broken.png").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def restore(models, here, capsys):
    """Call the command with small models; returns the status and the lines of stderr."""

    def call(*arguments, aligned=True):
        options = ["--models", models, "--restorer", "none", "--device", "cpu", "--steps", "2"]
        options += ["--tau", "300", "--recipe", "a5", *(["--aligned"] if aligned else [])]
        status = main([str(text) for text in ("restore", *arguments, *options)])
        return status, capsys.readouterr().err.splitlines()

    return call


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_rest_is_done_and_what_failed_is_named(restore, here):
    photos = ["a.png", "wide.png", "broken.png", "gone.png", "b.jpg"]
    status, lines = restore(*photos, "--out", "out", "--report", "report.json")
    assert status == 1
    assert {path.name for path in (here / "out").iterdir()} == {"a.png", "b.png"}
    lines = [line for line in lines if line.startswith("pdgrad: ")]
    for name, reason, line in zip(
        ("wide.png", "broken.png", "gone.png"),
        ("64x80", "not a picture", "no such file"),
        lines,
        strict=False,
    ):
        assert name in line and reason in line
    assert lines[3:] == ["pdgrad: 2 of 5 photos were restored; not wide.png, broken.png, gone.png."]
    report = json.loads((here / "report.json").read_text())
    assert [photo["photo"] for photo in report["photos"]] == ["a.png", "b.jpg"]
    assert [photo["photo"] for photo in report["failed"]] == photos[1:4]


def test_where_nothing_can_be_done_that_is_said_before_models_are_loaded(restore, monkeypatch):
    monkeypatch.setattr("pdgrad_core.models.sets.load_model_set", lambda *_, **__: 1 / 0)
    status, lines = restore("gone.png", "broken.png", "--out", "out")
    assert (status, len(lines)) == (1, 1)
    assert "gone.png" in lines[0]


@pytest.fixture
def blind(monkeypatch):
    """Let a detector be loaded that finds no face, and return the thresholds it is given."""
    thresholds = []

    def load(_path, _device, threshold):
        thresholds.append(threshold)
        return lambda _photo: []

    monkeypatch.setattr("pdgrad_core.photos.best_detector", load)
    return thresholds


def test_a_photo_without_a_face_is_named_and_the_advice_is_an_option(restore, blind):
    status, lines = restore("a.png", "b.jpg", "--out", "out", aligned=False)
    assert status == 1 and len(blind) == 1
    for name, line in zip(("a.png", "b.jpg"), lines, strict=False):
        assert line.startswith(f"pdgrad: {name}: No face was found")
        assert "--detection-threshold (0.97 now)" in line and "--landmarks" in line
    status, lines = restore("a.png", "--out", "o.png", "--detection-threshold", 0.4, aligned=False)
    assert blind[1:] == [0.4] and "(0.4 now)" in lines[-1]


def test_a_reference_without_a_face_is_named(restore, blind):
    status, lines = restore("a.png", "--reference", "ref.png", "--out", "o.png", aligned=False)
    assert status == 1
    assert "The reference ref.png: No face" in lines[-1] and "--reference-landmarks" in lines[-1]


def test_a_threshold_out_of_range_is_refused(restore):
    status, lines = restore("a.png", "--out", "o.png", "--detection-threshold", 1.2)
    assert status == 1 and "--detection-threshold must be a number from 0 to 1" in lines[-1]


def test_the_threshold_reaches_the_detector(monkeypatch):
    from pdgrad_core.photos import FaceFinder

    monkeypatch.setattr("pdgrad_core.photos.locate", lambda *_: Path("detector.pth"))
    monkeypatch.setattr(detect, "load_checkpoint", lambda _path: None)
    monkeypatch.setattr(detect, "load_strict", lambda *_: None)
    monkeypatch.setattr(detect, "retinaface_network", lambda: torch.nn.Linear(1, 1))
    assert FaceFinder(64, threshold=0.3).load_detector().threshold == 0.3


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.png", "ref.png", "--out", "."],
        ["a.png", "--out", "a.png"],
        ["a.png", "--out", "link.png"],
        ["a.png", "--out", "hard.png"],
        ["a.png", "--reference", "ref.png", "--out", "ref.png"],
        ["a.png", "--out", "o.png", "--report", "a.png"],
        ["a.png", "--out", "o.png", "--report", "hard.png"],
        ["aligned.png", "--out", "o.png", "--save-stages", "."],
        ["a.png", "--reference", "x0hat_t0299.png", "--out", "o.png", "--save-stages", "."],
    ],
)
def test_no_input_is_overwritten(restore, here, arguments):
    for name in ("aligned.png", "x0hat_t0299.png"):
        save_image(images(1, 64, 7), here / name)
    (here / "link.png").symlink_to("a.png")
    os.link(here / "a.png", here / "hard.png")
    before = contents(here)
    status, lines = restore(*arguments)
    assert status == 1 and len(lines) == 1 and "would overwrite the input" in lines[0]
    assert contents(here) == before


def test_a_weight_file_is_an_input_too(restore, models):
    before = contents(models)
    weights = next(name for name in before if "iddpm" in name)
    status, lines = restore("a.png", "--out", "o.png", "--report", models / weights)
    assert status == 1 and "would overwrite the input" in lines[-1]
    assert contents(models) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "--out", "w/result.png", "--save-stages", "w"], "--out and --save-stages"),
        (["a.png", "--out", "o.png", "--report", "o.png"], "--out and --report"),
        (
            ["a.png", "--out", "o.png", "--report", "w/trace.png", "--save-stages", "w"],
            "both write",
        ),
        (["a.png", "a.jpg", "--out", "w"], "a.png and a.jpg have the same name"),
        (["a.png", "coarse.png", "--out", "w/a", "--save-stages", "w"], "--out and --save-stages"),
        (["a.png", "b.jpg", "--out", "w", "--report", "w"], "would make w a file"),
    ],
)
def test_outputs_do_not_collide(restore, here, arguments, words):
    for name in ("a.jpg", "coarse.png"):
        save_image(images(1, 64, 7), here / name)
    before = contents(here)
    status, lines = restore(*arguments)
    assert status == 1 and words in lines[-1]
    assert contents(here) == before and not (here / "w").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "a.png/below/o.png"],
        ["--out", "o.png", "--report", "a.png/report.json"],
        ["--out", "o.png", "--save-stages", "a.png"],
        ["--out", "o.png", "--report", "."],
    ],
)
def test_a_place_that_cannot_be_written_is_said_before_the_work(restore, monkeypatch, arguments):
    monkeypatch.setattr("pdgrad_core.models.sets.load_model_set", lambda *_, **__: 1 / 0)
    status, lines = restore("b.jpg", *arguments)
    assert status == 1 and len(lines) == 1
    assert "choose another place" in lines[0] or "give the name of a file" in lines[0]


def test_an_existing_folder_is_a_folder_whatever_its_name(restore, here):
    (here / "2024.05 Hochzeit").mkdir()
    (here / "album.png").mkdir()
    for folder in ("2024.05 Hochzeit", "album.png", "new.2024"):
        status, _ = restore("a.png", "b.jpg", "--out", folder)
        assert status == 0
        assert {path.name for path in (here / folder).iterdir()} == {"a.png", "b.png"}
    assert restore("ref.png", "--out", "album.png")[0] == 0
    assert Image.open(here / "album.png" / "ref.png").size == (32, 32)
    for command in (["degrade", "a.png", "--out", "album.png"],):
        assert main(command) == 0


def test_a_format_without_colour_is_refused_first(restore):
    for name in ("o.blp", "o.xbm", "o.msp", "o.txt"):
        status, lines = restore("a.png", "--out", name)
        assert status == 1 and "must end in a picture format's name" in lines[-1]


def test_degrade_and_sample_guard_their_photo_too(here, models, capsys):
    before = contents(here)
    assert main(["degrade", "a.png", "--out", "./a.png"]) == 1
    common = ["--models", str(models), "--device", "cpu", "--steps", "2", "--tau", "300"]
    assert main(["sample", "--start", "a.png", "--out", "a.png", *common]) == 1
    assert main(["degrade", "b.jpg", "--out", "a.png/o.png"]) == 1
    assert main(["demo", "--out", "a.png"]) == 1
    assert main(["ablate", "--out", "a.png"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and sum("would overwrite the input" in line for line in lines) == 2
    assert contents(here) == before

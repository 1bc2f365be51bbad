"""`pdgrad doctor`, as a user types it."""

import json
import sys
from importlib import metadata

import pytest

from pdgrad_core.cli import main
from pdgrad_core.commands import doctor
from pdgrad_core.recipes import DEFAULT_RECIPE

FILES = [
    "iddpm_ffhq512_ema500000.pth",
    "GFPGANv1.4.pth",
    "recognition_arcface_ir_se50.pth",
    "vgg16-397923af.pth",
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("PDGRAD_MODELS", "XDG_CACHE_HOME", "TORCH_HOME", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def complete(home):
    folder = home / "complete"
    folder.mkdir()
    for name in FILES:
        (folder / name).touch()
    return folder


def test_what_cannot_run_has_status_1_and_everything_is_named(capsys, home):
    assert main(["doctor", "--device", "cpu"]) == 1
    text = capsys.readouterr().out
    for line in (
        "Python: 3",
        "torch: ",
        "device: cpu",
        "precision (auto): ",
        "OpenCV: ",
        "numba: ",
    ):
        assert f"\n{line}" in f"\n{text}"
    assert sys.executable in text
    assert "cannot run yet: 4 files" in text
    assert text.splitlines()[-1].strip().startswith("pdgrad weights fetch ffhq512-prior ")
    assert (home / ".cache/pdgrad").is_dir()


def test_what_can_run_has_status_0(capsys, complete):
    options = ["--restorer", "gfpgan", "--models", str(complete)]
    assert main(["doctor", *options]) == 0
    text = capsys.readouterr().out
    assert f"prior: {complete / FILES[0]}" in text
    assert f"Everything that the recipe {DEFAULT_RECIPE!r} needs is here." in text


def test_several_folders_are_searched_and_the_first_takes_what_is_missing(capsys, complete, home):
    (home / "first").mkdir()
    folders = ["--models", str(home / "first"), "--models", str(complete)]
    assert main(["doctor", "--restorer", "gfpgan", *folders]) == 0
    capsys.readouterr()
    assert main(["doctor", "--restorer", "restoreformer", *folders, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    missing = [one for one in found["files"] if one["path"] is None]
    assert [one["name"] for one in missing] == ["restoreformer"]
    assert missing[0]["folder"] == str(home / "first")
    assert found["steps"] == [f"pdgrad weights fetch restoreformer --models {home / 'first'}"]
    assert found["ready"] is False and found["missing_packages"] == []


def test_another_recipe(capsys):
    assert main(["doctor", "--recipe", "none", "--json"]) == 1
    roles = [one["role"] for one in json.loads(capsys.readouterr().out)["files"]]
    assert roles == ["prior", "restorer"]


def test_unknown_names_and_folders_are_one_sentence(capsys, home):
    for arguments in (
        ["--recipe", "pdgrd"],
        ["--restorer", "codefomer"],
        ["--models", str(home / "absent")],
        ["--models", str(home), "--models", str(home / "absent")],
        ["--device", "abacus"],
    ):
        assert main(["doctor", *arguments]) == 1
        error = capsys.readouterr().err
        assert error.startswith("pdgrad: ") and error.count("\n") == 1


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({}, "not installed (not needed)"),
        ({"opencv-python-headless": "4.9"}, "opencv-python-headless 4.9"),
        ({"opencv-python": "5", "opencv-python-headless": "4"}, "keep one"),
    ],
)
def test_which_opencv(monkeypatch, installed, expected):
    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "version", version)
    assert expected in doctor._opencv()


def test_restore_says_all_that_is_missing_before_it_loads(capsys, home, tmp_path):
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "gray").save(photo)
    arguments = ["restore", str(photo), "--reference", str(photo), "--out", str(home / "out.png")]
    assert main([*arguments, "--restorer", "gfpgan"]) == 1
    error = capsys.readouterr().err
    assert "4 files" in error and all(name in error for name in FILES)

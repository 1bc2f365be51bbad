"""`pdgrad restore`, `sample` and `degrade` as a user calls them, on small models."""

import json
import re

import pytest
import torch
from model_files import SIZE_PX, write_models
from networks import images
from PIL import Image

from pdgrad_core.cli import main
from pdgrad_core.images import load_image, save_image

LANDMARKS = "24,30 40,30 32,40 26,46 38,46"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with small models and three pictures."""
    folder = tmp_path_factory.mktemp("restore")
    write_models(folder / "models")
    for name, size, seed in (("face.png", 64, 1), ("same.png", 96, 2), ("photo.jpg", 80, 3)):
        save_image(images(1, size, seed), folder / name)
    return folder


def restore(here, *arguments, photo="face.png", out="out.png", more=()):
    photos = [str(here / name) for name in (photo, *more)]
    return main(
        [
            *("restore", *photos, "--models", str(here / "models")),
            *("--restorer", "none", "--device", "cpu", "--tau", "300", "--steps", "3"),
            *("--out", str(here / out)),
            *map(str, arguments),
        ]
    )


def test_an_aligned_face_with_stages_and_report(here, capsys):
    status = restore(
        here,
        *("--aligned", "--reference", here / "same.png"),
        *("--save-stages", here / "stages", "--report", here / "report.json"),
    )
    assert status == 0
    assert Image.open(here / "out.png").size == (SIZE_PX, SIZE_PX)
    names = {path.name for path in (here / "stages").iterdir()}
    assert {"aligned.png", "reference0.png", "coarse.png", "result.png", "trace.png"} <= names
    assert {"x0hat_t0299.png", "x0hat_t0150.png", "x0hat_t0000.png"} <= names
    assert (here / "stages/result.png").read_bytes() == (here / "out.png").read_bytes()
    report = json.loads((here / "report.json").read_text())
    (photo,) = report["photos"]
    assert photo["settings"]["strength_mode"] == "dynamic"
    assert len(photo["trace"]) == 3
    assert len(report["weights"]["prior"]["sha256"]) == 64
    assert report["peak_memory_bytes"] >= photo["memory"]["peak_bytes"] > 0
    assert photo["memory"]["faces_at_once"] == 1
    assert (photo["notes"], report["compiled"], report["replayed"]) == ([], False, False)
    assert "3 steps" in capsys.readouterr().out


def test_same_seed_same_pixels(here):
    for name, seed in (("a.png", 4), ("b.png", 4), ("c.png", 5)):
        options = ("--aligned", "--reference", here / "same.png", "--seed", seed)
        assert restore(here, *options, out=name) == 0
    a, b, c = (load_image(here / name) for name in ("a.png", "b.png", "c.png"))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_landmarks_put_the_face_back_into_its_photo(here):
    status = restore(
        here,
        *("--landmarks", LANDMARKS, "--reference", here / "same.png"),
        *("--reference-landmarks", LANDMARKS, "--recipe", "a1"),
        photo="photo.jpg",
        out="back.png",
    )
    assert status == 0
    before, after = load_image(here / "photo.jpg"), load_image(here / "back.png")
    assert before.shape == after.shape
    assert not torch.equal(before, after)
    assert torch.equal(before[..., :2, :2], after[..., :2, :2])


def test_how_a_face_is_laid_back_can_be_chosen(here):
    more = ("--landmarks", LANDMARKS, "--recipe", "none")
    pictures = {}
    for switches in (
        "", "--outline crop", "--no-match-colors", "--no-match-grain --no-multiband --feather 0.2"
    ):  # fmt: skip
        assert restore(here, *more, *switches.split(), photo="photo.jpg", out="chosen.png") == 0
        pictures[switches] = (here / "chosen.png").read_bytes()
    assert len(set(pictures.values())) == len(pictures)


def test_wrong_ways_of_pasting_are_refused_before_any_work(here, capsys):
    assert restore(here, "--aligned", "--recipe", "none", "--outline", "oval") == 1
    assert "outline must be one of face, crop" in capsys.readouterr().err
    assert restore(here, "--aligned", "--recipe", "none", "--feather", "0.9") == 1
    assert "feather_fraction must be a number from 0 to 0.5" in capsys.readouterr().err


def test_several_photos_go_into_a_folder(here):
    status = restore(
        here,
        *("--aligned", "--reference", here / "same.png", "--json"),
        more=["same.png"],
        out="many",
    )
    assert status == 0
    assert {path.name for path in (here / "many").iterdir()} == {"face.png", "same.png"}


def test_json_goes_to_stdout(here, capsys):
    assert restore(here, "--aligned", "--recipe", "a5", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["photos"][0]["settings"]["recipe"] == "a5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--aligned"], "guided by a reference photo of the same person"),
        (["--recipe", "pdgrd"], "Did you mean 'pdgrad'"),
        (["--strength", "nan"], "s must be a number"),
        (["--tau", "0"], "tau must be from 1 to 1000"),
        (["--steps", "301"], "1 to 300 steps"),
        (["--dtype", "int8"], "no dtype named 'int8'"),
        (["--device", "tpu"], "device 'tpu' cannot be used here"),
        (["--restorer", "codeformr"], "Did you mean 'codeformer'"),
        (["--fidelity", "0.5"], "no option 'fidelity'"),
        (["--aligned", "--landmarks", LANDMARKS, "--landmarks", LANDMARKS], "given 2 times for 1"),
        (["--landmarks", "1,2 3,4", "--reference-landmarks", LANDMARKS], "Expected 5 points"),
        ([], "No face was found"),
    ],
)
def test_what_cannot_work_is_one_sentence(here, capsys, arguments, message, monkeypatch):
    monkeypatch.setattr("pdgrad_core.weights.folders._comfyui_roots", list)
    monkeypatch.setattr("pdgrad_core.weights.folders._library_caches", list)
    if arguments[:1] != ["--aligned"] or len(arguments) > 1:
        arguments = [*arguments, "--reference", here / "same.png"]
    assert restore(here, *arguments, out="never.png") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pdgrad: ")
    assert re.search(message, error), error
    assert not (here / "never.png").exists()


def test_bad_pictures_are_one_sentence(here, capsys):
    (here / "text.png").write_text("no picture")
    Image.new("RGB", (1, 1)).save(here / "dot.png")
    for photo, message in (
        ("gone.png", "no such file"),
        ("text.png", "not a picture"),
        ("dot.png", "1x1"),
    ):
        assert restore(here, "--aligned", "--recipe", "a5", photo=photo) == 1
        assert message in capsys.readouterr().err


def test_out_must_be_a_picture_or_a_folder(here, capsys):
    assert restore(here, "--aligned", "--recipe", "a5", out="out.txt") == 1
    assert "must end in a picture format" in capsys.readouterr().err
    both = {"more": ["same.png"], "out": "one.png"}
    assert restore(here, "--aligned", "--recipe", "a5", **both) == 1
    assert "must be a folder" in capsys.readouterr().err


def test_ctrl_c_leaves_no_file(here, capsys, monkeypatch):
    from pdgrad_core.diffusion.sampler import Sampler

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sampler, "step", interrupted)
    assert restore(here, "--aligned", "--recipe", "a5", out="half.png") == 130
    assert "no file was left half-written" in capsys.readouterr().err
    assert not [path for path in here.iterdir() if "half" in path.name]


def test_sampling_from_a_photo_and_from_noise(here, capsys):
    common = ["--models", str(here / "models"), "--device", "cpu", "--steps", "2", "--json"]
    start = ["--start", str(here / "face.png"), "--tau", "700"]
    for name, extra in (("start.png", start), ("noise.png", ["--stepper", "ddim"])):
        assert main(["sample", "--out", str(here / name), *common, *extra]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["steps"] == 2
        assert report["seconds_per_step"] > 0
        assert Image.open(here / name).size == (SIZE_PX, SIZE_PX)
    assert main(["sample", "--out", str(here / "n.png"), "--tau", "7", *common]) == 1
    assert "--start PHOTO" in capsys.readouterr().err


def test_degrading_reports_what_was_drawn(here, capsys):
    command = ["degrade", str(here / "photo.jpg"), "--preset", "pdgrad", "--seed", "3"]
    assert main([*command, "--out", str(here / "bad.png"), "--json"]) == 0
    drawn = json.loads(capsys.readouterr().out)
    assert 30 <= drawn["jpeg_quality"] <= 100
    assert main([*command, "--out", str(here / "bad2.png")]) == 0
    assert (here / "bad.png").read_bytes() == (here / "bad2.png").read_bytes()
    assert main(["degrade", str(here / "photo.jpg"), "--preset", "x", "--out", "y.png"]) == 1

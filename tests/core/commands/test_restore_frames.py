"""`pdgrad restore --frames` on small models."""

import json

import pytest
import torch
from model_files import write_models
from networks import images

from pdgrad_core.cli import main
from pdgrad_core.images import load_image, save_image

LANDMARKS = "24,30 40,30 32,40 26,46 38,46"
OTHER = "44,30 60,30 52,40 46,46 58,46"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    write_models(folder / "models")
    save_image(images(1, 96, 2), folder / "reference.png")
    for number, seed in enumerate((3, 4, 3, 5)):
        save_image(images(1, 80, seed), folder / f"{number:03}.png")
    return folder


def restore(here, *arguments, out="out"):
    photos = [str(here / f"{number:03}.png") for number in range(4)]
    return main(
        [
            *("restore", *photos, "--models", str(here / "models"), "--restorer", "none"),
            *("--device", "cpu", "--tau", "300", "--steps", "2", "--frames"),
            *("--reference", str(here / "reference.png"), "--reference-landmarks", LANDMARKS),
            *("--out", str(here / out), *map(str, arguments)),
        ]
    )


def test_frames_are_restored_by_portions_with_the_same_noise(here, capsys):
    landmarks = f"frame 0: {LANDMARKS}\nframe 2: {LANDMARKS}\n{OTHER}\nframe 3: {LANDMARKS}"
    options = ("--landmarks", landmarks, "--face", "all")
    assert restore(here, *options) == 0
    said = "4 photos, 4 faces restored; 1 photo without a face passed through unchanged"
    assert said in capsys.readouterr().out
    assert restore(here, *options, "--faces-at-once", 1, "--json", out="single") == 0
    report = json.loads(capsys.readouterr().out)
    assert [frame["faces"] for frame in report["photos"]] == [1, 0, 2, 1]
    for number in range(4):
        name = f"{number:03}.png"
        before, after, single = (load_image(here / f"{f}{name}") for f in ("", "out/", "single/"))
        assert torch.equal(before, after) == (number == 1)
        # A batch of another size rounds in another way: a step or two of 255.
        assert (after - single).abs().max() <= 2.5 / 127.5
    first, third = load_image(here / "out/000.png"), load_image(here / "out/002.png")
    # The same frame again: but for what the second face covers, the same result.
    assert torch.equal(first[..., :20], third[..., :20])


def test_each_frame_has_what_it_had_alone(here):
    assert restore(here, "--landmarks", LANDMARKS, "--faces-at-once", 1, out="each") == 0
    alone = [
        *("restore", str(here / "002.png"), "--models", str(here / "models")),
        *("--restorer", "none", "--device", "cpu", "--tau", "300", "--steps", "2"),
        *("--reference", str(here / "reference.png"), "--reference-landmarks", LANDMARKS),
        *("--landmarks", LANDMARKS, "--out", str(here / "alone.png")),
    ]
    assert main(alone) == 0
    assert torch.equal(load_image(here / "each/002.png"), load_image(here / "alone.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--landmarks", "frame 7: 1,2"], "name a frame 7"),
        (["--landmarks", "frame 0:"], "None of the 4 frames has a face"),
        (["--landmarks", LANDMARKS, "--landmarks", LANDMARKS], "once for all frames, not 2 times"),
        (["--landmarks", LANDMARKS, "--faces-at-once", "0"], "1 or more, not 0"),
        (["--landmarks", LANDMARKS, "--save-stages", "stages"], "without --frames to see it"),
    ],
)
def test_what_cannot_work_is_one_sentence(here, capsys, arguments, message):
    assert restore(here, *arguments, out="never") == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_missing_frames_and_options_without_frames_are_refused_first(here, capsys):
    common = ["restore", "--recipe", "a5", "--aligned"]
    gone = [str(here / name) for name in ("000.png", "gone.png")]
    assert main([*common, "--frames", "--out", str(here / "x"), *gone]) == 1
    assert "1 frames are not there" in capsys.readouterr().err
    assert main([*common, "--faces-at-once", "2", "--out", str(here / "x.png"), gone[0]]) == 1
    assert "add --frames" in capsys.readouterr().err

"""`pdgrad album` from the command line: done, continued, and what is said of failures."""

import json

import pytest
import torch
from drawn_album import ANNA, BERT, drawn, portrait

from pdgrad_core.cli import main
from pdgrad_core.images import save_image

QUICK = ["--models", "demo", "--steps", "1", "--tau", "200"]


@pytest.fixture
def album(tmp_path):
    save_image(drawn([ANNA, BERT]), tmp_path / "scans" / "both.png")
    save_image(torch.zeros(1, 3, 80, 80), tmp_path / "scans" / "wall.png")
    save_image(portrait(ANNA, 0), tmp_path / "people" / "anna.png")
    return tmp_path


def arguments(album, *more):
    out = ["--out", str(album / "out")]
    return ["album", str(album / "scans"), "--people", str(album / "people"), *out, *QUICK, *more]


def test_an_album_is_restored_and_then_there_is_nothing_to_do(album, capsys):
    assert main(arguments(album, "--dry-run")) == 0
    said = capsys.readouterr().out
    assert "both.png: new (anna, ?)" in said
    assert "1 of 2 photos would be restored." in said
    assert not (album / "out" / "both.png").exists()
    assert main(arguments(album)) == 0
    said = capsys.readouterr().out
    assert "1/2 both.png: done (anna, ?)" in said or "2/2 both.png: done (anna, ?)" in said
    assert "1 of 2 photos are done, 1 of them now." in said
    assert (album / "out" / "album.html").exists()
    (album / "scans" / "broken.png").write_bytes(b"nothing")
    assert main(arguments(album, "--json")) == 1
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["restored"], report["kept"]) == (0, 1)
    assert [one["state"] for one in report["photos"]] == ["done", "failed", "no face"][:1] + [
        "failed" if one["photo"] == "broken.png" else "no face" for one in report["photos"][1:]
    ]
    assert "1 photo failed: broken.png." in captured.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--unknown", "maybe"], "unknown"),
        (["--false-accept", "2"], "false_accept"),
        (["--smallest-face", "1"], "smallest_px"),
        (["--faces-at-once", "0"], "--faces-at-once must be 1 or more"),
        (["--recipe", "pgdiff-inpainting"], "needs a mask"),
        (["--ray-gpus", "1"], "--ray-gpus belongs to --ray"),
        (["--ray", "--ray-cpus", "0"], "--ray-cpus must be 1 or more"),
        (["--ray", "--comfyui", "a:1"], "give one"),
        (["--comfyui", "ftp://a"], "is an address as in http://"),
        (["--comfyui", "a:1", "--combiner", "sum"], "no input for combiner"),
        (["--boxes", "missing.txt"], "missing.txt cannot be read"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(album, capsys, more, message):
    assert main(arguments(album, *more)) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (album / "out" / "both.png").exists()


def test_the_albums_own_folder_is_no_place_for_results(album, capsys):
    options = arguments(album)
    options[options.index("--out") + 1] = str(album / "scans")
    assert main(options) == 1
    assert "lie in each other" in capsys.readouterr().err

"""Weight files with random damage: each loads or is refused in one sentence, never a traceback."""

import random

import pytest
import torch
from safetensors.torch import save_file

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.cli import main
from pdgrad_core.errors import PDGradError
from pdgrad_core.weights.catalogue import weight_file
from pdgrad_core.weights.integrity import verify

WEIGHTS = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "a.bias": torch.tensor([0.5, -1.0]),
    "steps": torch.tensor(3),
}
ANY = weight_file("pgdiff-rrdb")  # of which no hash is published, so the content decides


def damaged(content, rng):
    """Return a file's bytes with one to eight bytes set, flipped, cut out, put in, or cut off."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(content))
        what = rng.randrange(5)
        if what == 0:
            content[place] = rng.randrange(256)
        elif what == 1:
            content[place] ^= 1 << rng.randrange(8)
        elif what == 2:
            del content[place : place + rng.randrange(1, 9)]
        elif what == 3:
            content[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            del content[place:]
        content = content or bytearray(b"x")
    return bytes(content)


def written(folder, kind):
    path = folder / ("w.safetensors" if kind == "safetensors" else ANY.file_name)
    if kind == "safetensors":
        save_file(WEIGHTS, path, {"made by": "a test"})
    else:
        content = {"params": WEIGHTS, "__metadata__": {"made by": "a test"}}
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    return path


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
def test_500_damaged_files(tmp_path, kind):
    path = written(tmp_path, kind)
    sound = path.read_bytes()
    rng = random.Random(13)
    refused = 0
    for _ in range(500):
        path.write_bytes(damaged(sound, rng))
        try:
            load_checkpoint(path)
        except PDGradError as error:
            refused += 1
            assert "\n" not in str(error) and path.name in str(error)
    # Some damage hits numbers, or padding, and cannot be seen; most has to be.
    assert 300 < refused < 500


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
def test_verify_answers_about_every_file(tmp_path, kind):
    path = written(tmp_path, kind)
    sound = path.read_bytes()
    rng = random.Random(14)
    for _ in range(50):
        path.write_bytes(damaged(sound, rng))
        verdict = verify(ANY, path)
        assert verdict.status in ("unreadable", "other network")
        assert verdict.reason and "\n" not in verdict.reason


def test_the_command_shows_no_traceback(tmp_path, capsys):
    path = written(tmp_path, "zip")
    sound = path.read_bytes()
    rng = random.Random(15)
    for _ in range(20):
        path.write_bytes(damaged(sound, rng))
        assert main(["weights", "verify", ANY.name, "--models", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("pgdiff-rrdb: ") == 20

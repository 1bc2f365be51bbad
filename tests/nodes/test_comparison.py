"""Before and after for the page: pictures in the host's passing folder, and where they are."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def stored(pack, file):
    assert (file["type"], file["subfolder"]) == ("temp", "")
    return Image.open(Path(pack.host.folder.with_name("temp")) / file["filename"])


def test_pairs_are_written_as_they_are(pack):
    before, after = torch.full((2, 3, 20, 30), -1.0), torch.full((2, 3, 40, 60), 1.0)
    pairs = json.loads(pack.module("nodes.comparison").compared(before, after))
    assert len(pairs) == 2
    for pair in pairs:
        assert stored(pack, pair["before"]).size == (30, 20)
        assert stored(pack, pair["before"]).getextrema() == ((0, 0),) * 3
        assert stored(pack, pair["after"]).size == (60, 40)
        assert stored(pack, pair["after"]).getextrema() == ((255, 255),) * 3
    assert len({file["filename"] for pair in pairs for file in pair.values()}) == 4


def test_large_photos_are_made_small_and_long_batches_short(pack):
    comparison = pack.module("nodes.comparison")
    large = torch.zeros(1, 3, 1536, 3072)
    (pair,) = json.loads(comparison.compared(large, large))
    assert stored(pack, pair["after"]).size == (1024, 512)
    many = torch.zeros(20, 3, 8, 8)
    assert len(json.loads(comparison.compared(many, many))) == comparison.LARGEST_PAIRS


def test_restore_face_shows_its_photo_and_its_result(pack, faces):
    photo = faces(2, size=64, seed=1)
    out = pack.run(
        "PDGradRestoreFace", photo=photo, references=faces(size=64), steps=2, tau=100,
        landmarks="", reference_landmarks="",
    )  # fmt: skip
    pairs = json.loads(out.ui["pdgrad_compare"][0])
    for index, pair in enumerate(pairs):
        for name, expected in (("before", photo), ("after", out.args[0])):
            pixels = torch.from_numpy(np.array(stored(pack, pair[name]))) / 255
            torch.testing.assert_close(pixels, expected[index].clone(), rtol=0, atol=0.51 / 255)
    assert len(pairs) == 2

"""Faces are found with nothing downloaded, by the small detector under the host's care."""

from pathlib import Path

import pytest
import torch


@pytest.fixture
def group(pack):
    photo, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    return photo, landmarks


@pytest.fixture(autouse=True)
def nothing_is_here(pack, monkeypatch):
    weights = pack.module("nodes.weights")
    monkeypatch.setattr(
        weights, "search_folders", lambda extra_folders: [Path(folder) for folder in extra_folders]
    )


def test_align_faces_finds_everybody(pack, group):
    photo, landmarks = group
    options = {"photo": photo, "choose": "left-to-right", "size_px": 64}
    found, placement, boxes, _ = pack.run("PDGradAlignFaces", **options).args
    assert found.shape == (3, 64, 64, 3) and placement.count == 3
    assert boxes.shape == photo.shape
    # The detector's network is one that the host counts and may evict.
    assert [type(one).__name__ for one in pack.host.loaded[-1]] == ["YuNet"]
    by_hand = pack.run("PDGradAlignFaces", **options, method="landmarks", landmarks=landmarks).args[
        0
    ]
    # Landmarks a twelfth of the eyes' distance off move a crop of 64 px by a few pixels.
    assert (found - by_hand).abs().mean() < 0.15


def test_a_threshold_that_nothing_reaches(pack, group):
    with pytest.raises(pack.error("NoFaceError"), match="threshold"):
        pack.run("PDGradAlignFaces", photo=group[0], threshold=1.0)


def test_restore_face_loads_the_detector_once(pack, group, faces):
    photo, _ = group
    with torch.inference_mode():
        references = torch.cat([photo, photo])
    out = pack.run(
        "PDGradRestoreFace", photo=photo, references=references, steps=2, tau=300, faces="0,2"
    )
    assert out.args[1].shape == (2, 64, 64, 3)
    loaded = [type(network).__name__ for call in pack.host.loaded for network in call]
    assert loaded.count("YuNet") == 1

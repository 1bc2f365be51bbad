"""The benchmark of pasting: what it measures, and that the default is good by it."""

import json

import numpy as np
import pytest
import torch

from pdgrad_core.alignment import Pasted
from pdgrad_core.benchmarks import pasting
from pdgrad_core.benchmarks.pasting_scenes import CHANGES, Scene, scenes
from pdgrad_core.cli import main
from pdgrad_core.errors import InvalidInputError
from pdgrad_core.faces.identity import sample_identities

SCENES = scenes(0)


def test_scenes_are_what_they_are_called():
    assert len(SCENES["overlapping"].faces) == 3
    left_eye = SCENES["cut by the border"].faces[0][0]
    assert left_eye[0] < 0
    for turned in SCENES["turned by 30 degrees"].faces:
        down = turned[3:].mean(0) - turned[:2].mean(0)
        degrees = np.degrees(np.arctan2(down[0], down[1]))
        assert 15 < abs(degrees) < 45  # the persons hold their heads up to 10 degrees to a side
    plain, hand = SCENES["a group"], SCENES["a hand before the mouth"]
    assert plain.photo.shape == hand.photo.shape
    # The fifth scene shows persons 12 to 14, the fourth 9 to 11: one of each wears glasses.
    assert sample_identities(range(9, 15)).glasses.tolist() == [0, 0, 1, 0, 0, 1]


def test_a_patch_of_known_height_is_measured():
    # A square ten levels brighter than a grey photo: every step and every jump is ten levels.
    photo = torch.zeros(1, 3, 120, 120)
    weight = torch.zeros(1, 1, 120, 120)
    weight[..., 30:90, 30:90] = 1.0
    face = torch.tensor([[50.0, 50], [70, 50], [60, 60], [52, 70], [68, 70]]).double().numpy()
    scene = Scene(photo, photo, weight, (face,))
    found = pasting._measured(scene, Pasted(photo + weight * 10 / 127.5, weight))
    assert found["step"] == pytest.approx(10, rel=1e-3)
    assert found["jump"] == pytest.approx(10, rel=1e-3)
    assert found["outside"] == 0
    assert found["grain"] == pytest.approx(0, abs=1e-4)
    same = pasting._measured(scene, Pasted(photo, weight))
    assert same["step"] == same["jump"] == 0
    spilt = pasting._measured(scene, Pasted(photo + 1 / 127.5, weight))
    assert spilt["outside"] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("change", CHANGES)
def test_the_default_shows_less_than_any_crop(change):
    scene = SCENES["a group"]
    rows = {}
    for name, settings in pasting.METHODS.items():
        if name.startswith("crop") or "default" in name:
            rows[name] = pasting._measured(scene, pasting.paste(scene, change, settings))
    ours = rows.pop("face, all matched (the default)")
    assert ours["outside"] == 0
    assert ours["step"] <= 1.5
    assert abs(ours["grain"]) < 0.5
    if change in ("other colours", "another backdrop"):
        assert ours["jump"] < 0.5 * min(row["jump"] for row in rows.values())


def test_the_command_writes_a_table_and_json(capsys, monkeypatch):
    methods = list(pasting.METHODS.items())[:1]
    monkeypatch.setattr(pasting, "METHODS", dict(methods))
    monkeypatch.setattr(pasting, "scenes", lambda seed: {"a group": SCENES["a group"]})
    monkeypatch.setattr(pasting, "CHANGES", {"denoised": CHANGES["denoised"]})
    assert main(["benchmark", "pasting", "--groups", "1", "--crop-px", "64"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("| crop, hard edge | denoised | ")
    assert main(["benchmark", "pasting", "--groups", "1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["outside"] == 0
    with pytest.raises(InvalidInputError, match="at least one"):
        pasting.benchmark_pasting(0)

"""Restore Face: the whole restoration in one node, as the wired graph gives it."""

import json
import shlex
import sys
from pathlib import Path

import pytest
import torch
from host_double import Interrupted

QUICK = {"steps": 3, "tau": 300}


@pytest.fixture
def restore(pack, faces):
    def run(photo=None, **inputs):
        photo = faces(size=64, seed=1) if photo is None else photo
        given = {"references": faces(size=64, seed=2), **QUICK, **inputs}
        given = {name: value for name, value in given.items() if value is not None}
        return pack.run("PDGradRestoreFace", photo=photo, **given)

    return run


def test_an_aligned_face_in_inference_mode(pack, restore):
    out = restore()
    image, coarse, trace = out.args
    assert image.shape == coarse.shape == (1, 64, 64, 3)
    assert not image.is_inference()
    assert len(trace.rows) == 3
    assert "low.cosine" in trace.rows[0]
    assert [value for value, _, _ in pack.host.progress] == [1, 2, 3]
    assert json.loads(out.ui["pdgrad_trace"][0])["t"] == [299, 150, 0]
    assert len(pack.host.loaded[-1]) == 4  # prior, two feature networks, restorer


def test_the_photos_alpha_is_kept(restore, faces):
    photo = torch.cat([faces(size=64, seed=1), torch.full((1, 64, 64, 1), 0.5)], dim=-1)
    image = restore(photo, recipe="none", references=None).args[0]
    assert image.shape == (1, 64, 64, 4)
    assert torch.equal(image[..., 3], torch.full((1, 64, 64), 0.5))


def test_it_gives_what_the_wired_graph_gives(pack, loaded, restore, faces):
    photo, reference = faces(2, size=64, seed=1), faces(size=64, seed=2)
    coarse = pack.run("PDGradCoarseRestore", image=photo, restorer=loaded.restorer).args[0]

    def loss(image, level, name):
        options = {"features": loaded.features, "image": image, "level": level, "name": name}
        return pack.run("PDGradLossBuilder", **options).args[0]

    levels = [
        pack.run("PDGradGradientSurgery", pivot=pivot, other=other, name=name).args[0]
        for name, pivot, other in (
            ("low", loss(coarse, "low", "low_c"), loss(reference, "low", "low_r")),
            ("high", loss(reference, "high", "high_r"), loss(coarse, "high", "high_c")),
        )
    ]
    guidance = pack.run("PDGradAddGuidance", first=levels[0], second=levels[1]).args[0]
    wired = pack.run(
        "PDGradDDPMSampler", prior=loaded.prior, image=coarse, guidance=guidance, seed=5, **QUICK
    ).args[0]
    found, own_coarse, _ = restore(photo, references=reference, seed=5, recipe="pdgrad").args
    assert torch.equal(own_coarse, coarse)
    # The wire holds an image in 0..1; the way there and back rounds.
    torch.testing.assert_close(found, wired, rtol=0, atol=1e-3)


@pytest.mark.parametrize("recipe", ["a1", "a5", "none", "pgdiff-colorization", "difbfsr"])
def test_other_recipes(restore, recipe):
    image, _, trace = restore(recipe=recipe).args
    assert image.isfinite().all()
    assert len(trace.rows) == 3


def test_zero_is_the_recipes_own_number(restore):
    shift = [
        float(row["shift_norm"] / row["step_norm"])
        for strength in (0.0, 0.1)
        for row in restore(strength=strength).args[2].rows[:1]
    ]
    assert shift == pytest.approx([0.2, 0.1], rel=1e-3)


def test_same_seed_same_pixels_and_several_references(restore, faces):
    several = faces(3, size=64, seed=2)
    first, again = (restore(references=several, seed=9) for _ in range(2))
    assert torch.equal(first.args[0], again.args[0])
    assert {"low_r1.arc.loss", "high_r3.arc.loss"} <= set(first.args[2].rows[0])


def test_a_group_photo_by_its_landmarks(pack, restore):
    photo, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    middle = landmarks.splitlines()[1]
    out = restore(photo, landmarks=middle, models="demo").args
    assert out[0].shape == photo.shape
    assert out[1].shape == (1, 64, 64, 3)
    changed = (out[0] - photo.clone()).abs().amax(-1)[0] > 0.02
    third = photo.shape[2] // 3
    assert changed[:, third : 2 * third].any()
    assert not changed[:, : third // 2].any()


def test_a_mask_says_what_is_missing(pack, restore, faces):
    with torch.inference_mode():
        mask = torch.zeros(1, 64, 64)
        mask[:, 10:20, 10:30] = 1
    out = restore(recipe="pgdiff-inpainting", mask=mask, references=None)
    assert out.args[0].isfinite().all()
    with pytest.raises(pack.error("InvalidInputError"), match="needs a mask"):
        restore(recipe="pgdiff-inpainting", references=None)
    with pytest.raises(pack.error("InvalidInputError"), match="takes no mask"):
        restore(mask=mask)
    assert len(pack.host.progress) == 3


def test_known_pixels_are_kept_in_faces_and_in_whole_photos(pack, restore, faces):
    group, landmarks = pack.run("PDGradDemoFaces", scene="group of three", size_px="128").args
    whole = {"landmarks": landmarks.splitlines()[1], "photo_is": "whole photo"}
    x, y = (float(number) for number in whole["landmarks"].split()[2].split(","))  # the nose
    for photo, (column, row), how in (
        (faces(2, size=64, seed=1), (20, 30), {}),
        (group, (int(x), int(y)), whole),
    ):
        mask = torch.zeros(photo.shape[:3])
        mask[:, row - 4 : row + 4, column - 4 : column + 4] = 1
        image = restore(photo, recipe="pgdiff-inpainting", mask=mask, references=None, **how)
        apart = (image.args[0] - photo.clone()).abs().amax(-1)
        # There and back through [-1, 1] in float32.
        assert apart[mask == 0].max() < 1e-6
        assert apart[mask == 1].max() > 0.01


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"references": None}, "guided by a reference photo"),
        ({"photo_is": "whole photo"}, "No face was found"),
        ({"restorer": "codeformer"}, "have no restorer 'codeformer'"),
        ({"recipe": "pgdiff-quality"}, "no discriminator"),
        ({"landmarks": "1,2 3,4", "photo_is": "whole photo"}, "Expected 5 points"),
    ],
)
def test_what_cannot_work_is_said_before_the_first_step(
    pack, restore, monkeypatch, inputs, message
):
    monkeypatch.setattr(
        pack.module("nodes.weights"),
        "search_folders",
        lambda extra_folders: [pack.host.folder / "pdgrad"],
    )
    with pytest.raises(pack.error("PDGradError"), match=message):
        restore(**inputs)
    assert not pack.host.progress


def test_all_that_is_missing_for_photos_is_said_at_once(pack, restore, monkeypatch):
    weights = pack.module("nodes.weights")
    folders = [pack.host.folder / "pdgrad"]
    monkeypatch.setattr(weights, "search_folders", lambda extra_folders: folders)
    with pytest.raises(pack.error("CheckpointError")) as caught:
        restore(models="photos", restorer="gfpgan")
    text = str(caught.value)
    assert "4 files" in text
    for name in ("iddpm_ffhq512_ema500000.pth", "GFPGANv1.4.pth", "vgg16-397923af.pth"):
        assert name in text
    # The commands are for an install without `pdgrad`: ComfyUI's Python and the pack's own script.
    command = shlex.split(text.splitlines()[-1])
    assert command[0] == sys.executable
    assert Path(command[1]).name == "fetch_weights.py" and Path(command[1]).is_file()
    for category in ("pdgrad", "facerestore_models"):
        assert f"into {pack.host.folder / category}" in text
        assert (pack.host.folder / category).is_dir()
    assert not pack.host.progress and not pack.host.loaded


def test_cancel_stops_it(pack, restore):
    pack.host.interrupt_after = 1
    with pytest.raises(Interrupted):
        restore()
    assert len(pack.host.progress) == 1


def test_validation_speaks_in_sentences(pack):
    node = pack.nodes["PDGradRestoreFace"]
    ordinary = {
        "recipe": "pdgrad", "models": "demo", "restorer": "the recipe's own", "photo_is": "auto",
        "steps": 0, "tau": 0,
    }  # fmt: skip
    assert node.validate_inputs(**ordinary) is True
    assert node.validate_inputs(**dict.fromkeys(ordinary)) is True
    assert "Did you mean 'pdgrad'" in node.validate_inputs(**{**ordinary, "recipe": "pdgrd"})
    assert "1 to 5 steps" in node.validate_inputs(**{**ordinary, "steps": 6, "tau": 5})


@pytest.mark.parametrize(
    ("given", "first"),
    [
        # The small prior keeps to a face up to 350 only; a number of one's own is taken.
        ({"recipe": "none", "tau": 0, "steps": 2}, 349),
        ({"recipe": "none", "tau": 500, "steps": 2}, 499),
        ({"recipe": "idm", "tau": 0, "steps": 2}, 999),
    ],
)
def test_the_demo_models_start_lower_unless_told(pack, faces, given, first):
    photo = faces(size=64, seed=1)
    out = pack.run("PDGradRestoreFace", photo=photo, models="demo", **given)
    assert json.loads(out.ui["pdgrad_trace"][0])["t"][0] == first

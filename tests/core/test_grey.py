"""A grey face comes back grey, but under recipes whose work is to give colours."""

import io

import numpy as np
import pytest
import torch
from networks import images
from PIL import Image

from pdgrad_core.images import from_uint8, is_grey, load_image, without_colour
from pdgrad_core.models.sets import load_model_set
from pdgrad_core.pipeline import Settings, restore_faces
from pdgrad_core.recipes import RECIPES

QUICK = {"tau": 300, "steps": 3}


def chroma(image):
    """Return the largest distance between channels, of 255."""
    return float((image.amax(1) - image.amin(1)).max() * 127.5)


def grey_face(count=1):
    return images(count, 64, seed=1).mean(1, keepdim=True).repeat(1, 3, 1, 1)


@pytest.fixture(scope="module")
def models():
    return load_model_set("demo")


def test_luma_and_its_weights():
    corners = torch.eye(3).view(3, 3, 1, 1) * 2 - 1  # red, green, blue
    found = (without_colour(corners) + 1) / 2
    assert found[:, 0, 0, 0].tolist() == pytest.approx([0.299, 0.587, 0.114])
    assert torch.equal(found[:, 0], found[:, 1]) and torch.equal(found[:, 0], found[:, 2])


def test_what_is_grey():
    assert is_grey(torch.cat([grey_face(), images(1, 64, seed=2)])).tolist() == [True, False]
    tinted = grey_face()
    tinted[:, 0, 3, 4] += 8 / 127.5  # one pixel with a hint of red
    assert not is_grey(tinted)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 95])
def test_a_grey_jpeg_saved_in_colour_is_grey(sampling, quality):
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(0, 256, (64, 64, 1), dtype=np.uint8), 3, -1)
    off = (grey.astype(int) + rng.integers(-1, 2, grey.shape)).clip(0, 255).astype(np.uint8)
    for pixels in (grey, off):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=sampling)
        assert is_grey(from_uint8(torch.from_numpy(np.array(Image.open(file)))[None])).all()


def test_grey_in_grey_out(models):
    reference = images(1, 64, seed=3)
    found = restore_faces(grey_face(), [reference], models, Settings(**QUICK)).image
    assert chroma(found) < 1e-3
    assert found.std() > 0.05


def test_it_can_be_switched_off_and_says_so_in_the_report(models):
    settings = {on: Settings("a5", keep_grey=on, **QUICK) for on in (True, False)}
    found = {on: restore_faces(grey_face(), [], models, one) for on, one in settings.items()}
    assert chroma(found[False].image) > 1
    assert torch.equal(without_colour(found[False].image), found[True].image)
    assert [found[on].describe()["keep_grey"] for on in (True, False)] == [True, False]


def test_each_face_of_a_batch_for_itself(models):
    both = torch.cat([grey_face(), images(1, 64, seed=2)])
    found = restore_faces(both, [], models, Settings("a5", **QUICK)).image
    assert chroma(found[:1]) < 1e-3 and chroma(found[1:]) > 1


def test_a_coloured_face_is_untouched_by_the_switch(models):
    face = images(1, 64, seed=2)
    on, off = (
        restore_faces(face, [], models, Settings("a5", keep_grey=one, **QUICK)).image
        for one in (True, False)
    )
    assert torch.equal(on, off)


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].takes_style])
def test_recipes_that_give_colours_give_them(models, name):
    found = restore_faces(grey_face(), [], models, Settings(name, **QUICK)).image
    assert chroma(found) > 1


def test_a_grey_file_is_a_grey_face(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert is_grey(load_image(tmp_path / "a.png")).all()

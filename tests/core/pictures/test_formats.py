"""Only formats that are meant are opened and written."""

import subprocess

import numpy as np
import pytest
from PIL import Image

from pdgrad_core.commands.hints import load_color_style
from pdgrad_core.errors import ImageError
from pdgrad_core.images import check_image_name, load_image
from pdgrad_core.pictures.formats import FORMATS, pictures_in, readable_formats
from pdgrad_core.training.dataset import PICTURE_ENDINGS

# Run by Ghostscript, this would never end (python-pillow/Pillow#7391).
ENDLESS_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n{} loop\n"
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(60)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.eps", "a.ps"])
def test_postscript_is_refused_and_no_program_is_started(tmp_path, monkeypatch, name):
    def started(*arguments, **_options):
        raise AssertionError(f"a program was started: {arguments}")

    for how in ("Popen", "check_call", "run", "call"):
        monkeypatch.setattr(subprocess, how, started)
    (tmp_path / name).write_bytes(ENDLESS_EPS)
    with pytest.raises(ImageError, match="is not a picture that can be read"):
        load_image(tmp_path / name)


@pytest.mark.parametrize("form", ["TGA", "PDF", "PCX", "ICO", "SGI", "BLP"])
def test_formats_that_nobody_means_are_refused(tmp_path, form):
    picture = Image.new("RGB", (32, 32))
    (picture.convert("P") if form == "BLP" else picture).save(tmp_path / "a.png", format=form)
    with pytest.raises(ImageError, match="is not a picture that can be read"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.eps", "a.pdf", "a.tga", "a.ico", "a.html"])
def test_nor_are_they_written(name):
    with pytest.raises(ImageError, match="must end in a picture format's name"):
        check_image_name(name)


@pytest.mark.parametrize("form", sorted({"PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM"}))
def test_what_is_meant_is_read_whatever_the_name(tmp_path, form):
    Image.new("RGB", (20, 16), (255, 255, 255)).save(tmp_path / "a.dat", format=form)
    assert load_image(tmp_path / "a.dat").shape == (1, 3, 16, 20)
    assert form in readable_formats()
    assert set(readable_formats()) <= set(FORMATS)


def test_hidden_files_are_no_pictures_of_a_folder(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt", "page.pdf", "a.eps"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "._a.jpg").write_bytes(APPLE_DOUBLE)
    assert [path.name for path in pictures_in(tmp_path)] == ["a.jpg", "b.PNG"]
    assert pictures_in(tmp_path / "no such folder") == []


def test_a_colour_style_from_a_folder_that_macos_touched(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(APPLE_DOUBLE)
    assert load_color_style(tmp_path) is not None


def test_endings_of_training_pictures_are_among_those_meant():
    for ending in PICTURE_ENDINGS:
        check_image_name(f"a{ending}")

"""Load Face Photo: files of the input folder, and examples where there is none."""

import numpy as np
import pytest
import torch
from PIL import Image

BAD = "example_bad_photo.png [temp]"


@pytest.fixture
def folder(pack):
    pack.host.input_folder.mkdir(parents=True)
    return pack.host.input_folder


def test_an_example_is_drawn_with_its_landmarks(pack):
    image, landmarks = pack.run("PDGradLoadPhoto").args
    assert image.shape == (1, 64, 64, 3)
    assert 0 <= image.min() < image.max() <= 1
    assert len(landmarks.split()) == 5


def test_every_example_has_the_picture_that_the_page_shows(pack):
    module = pack.module("nodes.photo")
    for file, example in module.FILES.items():
        drawn = pack.run("PDGradLoadPhoto", photo=file).args[0][0]
        with Image.open(module.PICTURES / f"{example.replace(' ', '_')}.png") as shown:
            pixels = torch.from_numpy(np.array(shown)).float()
        assert (drawn * 255 - pixels).abs().max() <= 1.01, example  # JPEG's rounding may differ


def test_the_sizes_that_mean_the_embedded_models_are_the_examples(pack):
    module = pack.module("nodes.photo")
    sizes = {tuple(pack.run("PDGradLoadPhoto", photo=f).args[0].shape[1:3]) for f in module.FILES}
    assert sizes == set(pack.module("pdgrad_core.faces.examples").EXAMPLE_SIZES)


def test_a_file_is_read_turned_as_the_camera_held_it(pack, folder):
    picture = Image.new("RGB", (24, 16))
    picture.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    picture.save(folder / "me.png", exif=exif)
    image, landmarks = pack.run("PDGradLoadPhoto", photo="me.png").args
    assert image.shape == (1, 24, 16, 3)
    assert image[0, 0, 15].tolist() == [1.0, 0.0, 0.0]
    assert landmarks == ""


def test_the_list_has_the_pictures_of_the_input_folder(pack, folder):
    Image.new("RGB", (2, 2)).save(folder / "me.png")
    (folder / "notes.txt").write_text("")
    (one,) = pack.nodes["PDGradLoadPhoto"].define_schema().inputs
    assert one.options["options"][-1] == "me.png"
    assert "notes.txt" not in one.options["options"]


def test_a_file_that_is_not_there_is_refused_with_what_to_do(pack, folder):
    node = pack.nodes["PDGradLoadPhoto"]
    assert "upload button" in node.validate_inputs("gone.png")
    assert node.validate_inputs(BAD) is True


def test_a_changed_file_runs_again(pack, folder):
    node = pack.nodes["PDGradLoadPhoto"]
    Image.new("RGB", (2, 2)).save(folder / "me.png")
    before = node.fingerprint_inputs("me.png")
    Image.new("RGB", (20, 20)).save(folder / "me.png")
    assert node.fingerprint_inputs("me.png") != before
    assert node.fingerprint_inputs(BAD) == BAD

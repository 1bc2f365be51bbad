"""`pdgrad restore` on photos of all kinds: what comes back is what went in, but for the face."""

import numpy as np
import pytest
from icc_profiles import rgb_profile
from model_files import write_models
from networks import images
from PIL import Image

from pdgrad_core.cli import main
from pdgrad_core.images import save_image
from pdgrad_core.pictures.decoding import decode
from pdgrad_core.pictures.formats import FORMATS
from pdgrad_core.pictures.kept import Kept
from pdgrad_core.pictures.writing import write_picture

LANDMARKS = "34,40 50,40 42,50 36,56 48,56"
SIZE = 96


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_models(folder / "models")
    save_image(images(1, 64, 2), folder / "same.png")
    return folder


def restore(here, photo, out, *more):
    return main(
        [
            *("restore", str(here / photo), "--out", str(here / out)),
            *("--models", str(here / "models"), "--restorer", "none", "--device", "cpu"),
            *("--tau", "300", "--steps", "2", "--recipe", "a5", "--landmarks", LANDMARKS),
            *more,
        ]
    )


def noise(channels, kind):
    high = np.iinfo(kind).max + 1
    return np.random.default_rng(0).integers(0, high, (SIZE, SIZE, channels)).astype(kind)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_the_photo_outside_the_face_is_kept_to_the_bit(here, suffix, kind, channels):
    photo, out = f"p{channels}{suffix}", f"r{channels}{suffix}"
    form = FORMATS["PNG" if suffix == ".png" else "TIFF"]
    pixels = noise(channels, kind)
    write_picture(here / photo, form, pixels, Kept(profile=rgb_profile(), dpi=(300, 300)))
    assert restore(here, photo, out) == 0
    found = decode(here / out)
    assert found.pixels.dtype == kind and found.kept.profile == rgb_profile()
    assert found.kept.dpi == pytest.approx((300, 300), abs=0.01)
    same = (found.pixels == pixels[..., :3]).all(-1)
    assert same[:8].all() and same[-8:].all()
    assert not same[40:56, 36:50].any()
    if channels == 4:
        assert np.array_equal(found.alpha, pixels[..., 3])


def test_a_grey_photo_comes_back_as_one_channel(here):
    Image.fromarray(noise(1, np.uint8)[..., 0]).save(here / "grey.png")
    assert restore(here, "grey.png", "out.png") == 0
    assert Image.open(here / "out.png").mode == "L"
    assert restore(here, "grey.png", "colour.png", "--no-keep-grey") == 0
    assert Image.open(here / "colour.png").mode == "RGB"


def test_what_the_format_cannot_hold_is_said(here, caplog):
    write_picture(here / "deep.png", FORMATS["PNG"], noise(4, np.uint16), Kept())
    assert restore(here, "deep.png", "out.jpg") == 0
    assert "out.jpg: as JPEG, 16 bits a channel become 8 and what was" in caplog.text


def test_an_animation_is_one_sentence(here, capsys):
    frames = [Image.fromarray(noise(3, np.uint8)), Image.new("RGB", (SIZE, SIZE))]
    frames[0].save(here / "moves.gif", save_all=True, append_images=frames[1:])
    assert restore(here, "moves.gif", "never.png") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pdgrad: ") and "holds 2 pictures" in error
    assert not (here / "never.png").exists()

"""Picture files in and out, and the conversions between ranges and layouts."""

import numpy as np
import pytest
import torch
from PIL import Image

from pdgrad_core.errors import ImageError, InvalidInputError
from pdgrad_core.images import (
    check_image,
    check_image_name,
    from_uint8,
    from_unit,
    load_image,
    resize,
    save_image,
    to_pil,
    to_uint8,
    to_unit,
    write_whole,
)


def gradient(height=20, width=30):
    """Return an RGB picture `(H, W, 3)` in which every pixel tells its place."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 12, columns * 8, (rows + columns) * 5], -1).astype(np.uint8)


def write(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def pixels_of(path):
    return to_uint8(load_image(path))[0].numpy()


def test_every_8_bit_value_survives_the_round_trip(tmp_path):
    values = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(-1, -1, -1, 3)
    tensor = from_uint8(values)
    assert (tensor.min().item(), tensor.max().item()) == (-1.0, 1.0)
    assert torch.equal(to_uint8(tensor), values)
    save_image(tensor, tmp_path / "values.png")
    assert torch.equal(load_image(tmp_path / "values.png"), tensor)


def test_channel_order_and_orientation_of_the_axes(tmp_path):
    image = load_image(write(tmp_path / "a.png", gradient()))
    assert image.shape == (1, 3, 20, 30)
    assert image.dtype == torch.float32
    assert ((image[0, :, 3, 7] + 1) * 127.5).tolist() == pytest.approx([36, 56, 50])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = gradient()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    write(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif)
    assert np.array_equal(pixels_of(tmp_path / "a.png"), upright)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.dstack([gradient(), np.full((20, 30), 255, np.uint8)])
    rgba[:10, ..., 3] = 0
    rgba[10, ..., 3] = 51  # a fifth
    found = pixels_of(write(tmp_path / "a.png", rgba))
    assert (found[:10] == 255).all()
    assert np.abs(found[10] - (0.8 * 255 + 0.2 * gradient()[10])).max() <= 1
    assert np.array_equal(found[11:], gradient()[11:])


def test_a_palette_with_a_transparent_entry(tmp_path):
    picture = Image.fromarray(np.tile(np.arange(2, dtype=np.uint8), (16, 8)), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.save(tmp_path / "a.png", transparency=1)
    found = pixels_of(tmp_path / "a.png")
    assert found[0, 0].tolist() == [10, 20, 30]
    assert found[0, 1].tolist() == [255, 255, 255]


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = gradient()[..., 0]
    found = pixels_of(write(tmp_path / "a.png", grey))
    assert np.array_equal(found, np.repeat(grey[..., None], 3, -1))


def test_grey_with_transparency(tmp_path):
    la = np.dstack([gradient()[..., 0], np.zeros((20, 30), np.uint8)])
    assert (pixels_of(write(tmp_path / "a.png", la)) == 255).all()


def test_16_bits_become_8(tmp_path):
    grey = gradient()[..., 0].astype(np.uint16)
    assert np.array_equal(pixels_of(write(tmp_path / "a.png", grey * 257))[..., 0], grey)


def test_a_very_dark_16_bit_picture_stays_dark(tmp_path):
    assert pixels_of(write(tmp_path / "a.png", np.full((20, 20), 200, np.uint16))).max() == 1


def test_cmyk(tmp_path):
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = pixels_of(tmp_path / "a.jpg")[5, 5]
    assert red > 200 and green < 60 and blue < 60


def test_floating_point_pixels_are_refused(tmp_path):
    write(tmp_path / "a.tif", np.zeros((20, 20), np.float32))
    with pytest.raises(ImageError, match="floating-point"):
        load_image(tmp_path / "a.tif")


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_too_small_a_picture(tmp_path, size):
    path = write(tmp_path / "a.png", np.zeros((size[1], size[0], 3), np.uint8))
    with pytest.raises(ImageError, match=rf"is {size[0]}x{size[1]} pixels; at least 16x16"):
        load_image(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(ImageError, match=r"Expected a picture at .*absent\.png.*no such file"):
        load_image(tmp_path / "absent.png")


@pytest.mark.parametrize("content", [b"", b"this is text, whatever its name says\n"])
def test_text_named_png(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png is not a picture"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_truncated_picture(tmp_path, suffix):
    rng = np.random.default_rng(0)
    path = write(tmp_path / f"a{suffix}", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ImageError):
        load_image(path)


def test_too_large_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="too large"):
        load_image(write(tmp_path / "a.png", gradient()))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG", ".webp", ".bmp", ".tif"])
def test_the_ending_chooses_the_format(tmp_path, suffix):
    path = tmp_path / "new folder" / f"a{suffix}"
    save_image(torch.zeros(3, 16, 16), path)
    with Image.open(path) as picture:
        assert Image.registered_extensions()[suffix.lower()] == picture.format
    assert (pixels_of(path) == 128).all()


def test_jpeg_keeps_detail(tmp_path):
    rng = np.random.default_rng(0)
    photo = from_uint8(
        torch.from_numpy(gradient(64, 30) // 2 + rng.integers(0, 20, (64, 30, 3), dtype=np.uint8))[
            None
        ]
    )
    save_image(photo, tmp_path / "a.jpg")
    assert (load_image(tmp_path / "a.jpg") - photo).abs().mean() * 127.5 < 6


@pytest.mark.parametrize("name", ["a", "a.txt", "a.pth", ".png"])
def test_an_ending_that_is_no_picture_format(tmp_path, name):
    with pytest.raises(ImageError, match="must end in a picture format"):
        save_image(torch.zeros(3, 16, 16), tmp_path / name)
    with pytest.raises(ImageError):
        check_image_name(name)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def interrupted(temporary):
        temporary.write_bytes(b"ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, interrupted)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_written_files_have_ordinary_rights(tmp_path):
    save_image(torch.zeros(3, 16, 16), tmp_path / "a.png")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_values_outside_the_range_are_clipped():
    image = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]).reshape(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert to_uint8(image)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert to_unit(image)[0, 0, :, 0].tolist() == [0, 0, 0.5, 1, 1]


def test_the_hosts_layout_and_range():
    host = torch.rand(2, 5, 7, 3, generator=torch.Generator().manual_seed(0))
    core = from_unit(host)
    assert core.shape == (2, 3, 5, 7)
    assert core[1, 2, 3, 4].item() == pytest.approx(host[1, 3, 4, 2].item() * 2 - 1)
    torch.testing.assert_close(to_unit(core), host, atol=1e-7, rtol=0)
    assert to_unit(core).is_contiguous()


def test_one_picture_of_a_batch_only():
    assert to_pil(torch.zeros(1, 3, 4, 6)).size == (6, 4)
    with pytest.raises(InvalidInputError, match="batch of 2"):
        to_pil(torch.zeros(2, 3, 4, 6))


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 8, 8),
        torch.zeros(1, 4, 8, 8),
        torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
        torch.full((1, 3, 8, 8), torch.nan),
        torch.full((1, 3, 8, 8), torch.inf),
    ],
)
def test_what_is_no_image(image):
    with pytest.raises(InvalidInputError, match="the photo"):
        check_image(image, "the photo")


def test_resizing_is_a_low_pass_and_keeps_what_has_the_size():
    stripes = torch.tensor([-1.0, 1.0]).repeat(32).expand(1, 3, 64, 64)
    assert resize(stripes, 64, 64) is stripes
    # Without antialiasing, every second column alone would be seen.
    assert resize(stripes, 16, 16).abs().max() < 0.2
    assert resize(stripes, 32, 16).shape == (1, 3, 32, 16)

"""A picture file's own values: 16 bits, alpha, several pictures, ranges that nobody knows."""

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from pdgrad_core.errors import ImageError
from pdgrad_core.images import load_image
from pdgrad_core.pictures.decoding import decode
from pdgrad_core.pictures.formats import FORMATS
from pdgrad_core.pictures.kept import Kept
from pdgrad_core.pictures.writing import write_picture

cv2 = pytest.importorskip("cv2")


def deep(channels, height=20, width=31, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 65536, (height, width, channels), dtype=np.uint16)


def written(path, pixels):
    """Write by OpenCV, whose channels go the other way round."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[-1]]
    assert cv2.imwrite(str(path), pixels[..., order])
    return path


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_read_to_the_last(tmp_path, channels, suffix):
    values = deep(channels)
    found = decode(written(tmp_path / f"a{suffix}", values))
    assert np.array_equal(found.pixels, values[..., :3])
    assert (found.alpha is not None) == (channels == 4)
    if channels == 4:
        assert np.array_equal(found.alpha, values[..., 3])
    assert found.deep and found.grey == (channels == 1)


@pytest.mark.parametrize("compression", [1, 5, 8])  # none, LZW, deflate
def test_a_compressed_tiff(tmp_path, compression):
    values = deep(3)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    assert cv2.imwrite(str(tmp_path / "a.tif"), values[..., ::-1], options)
    assert np.array_equal(decode(tmp_path / "a.tif").pixels, values)


def tiff(path, order, tags, data):
    """Write a TIFF by hand: one strip of bytes under a directory of tags."""
    ifd = TiffImagePlugin.ImageFileDirectory_v2(prefix=order)
    for tag, value in {259: 1, 284: 1, 273: 0, 279: len(data), **tags}.items():
        ifd[tag] = value
    head = b"II*\0\x08\0\0\0" if order == b"II" else b"MM\0*\0\0\0\x08"
    path.write_bytes(head + ifd.tobytes(8) + data)  # tobytes moves the strip behind the directory
    return path


@pytest.mark.parametrize(("order", "kind"), [(b"II", "<u2"), (b"MM", ">u2")])
def test_both_byte_orders(tmp_path, order, kind):
    values = deep(3, 20, 31)
    tags = {256: 31, 257: 20, 258: (16, 16, 16), 262: 2, 277: 3, 278: 20}
    tiff(tmp_path / "a.tif", order, tags, values.astype(kind).tobytes())
    assert np.array_equal(decode(tmp_path / "a.tif").pixels, values)


def test_grey_with_alpha(tmp_path):
    values = deep(2)
    write_picture(tmp_path / "a.png", FORMATS["PNG"], values, Kept())
    found = decode(tmp_path / "a.png")
    assert np.array_equal(found.pixels[..., 0], values[..., 0])
    assert np.array_equal(found.alpha, values[..., 1])


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_both_bytes_are_turned_alike(tmp_path, orientation):
    values = deep(4)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, form in (("a.png", "PNG"), ("a.tif", "TIFF")):
        write_picture(tmp_path / name, FORMATS[form], values, Kept(exif=exif.tobytes()))
        method = {
            2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90,
        }.get(orientation)  # fmt: skip
        found = decode(tmp_path / name)
        together = np.dstack([found.pixels, found.alpha])
        for channel in range(4):
            plane = Image.fromarray(values[..., channel].astype(np.int32))
            upright = np.asarray(plane if method is None else plane.transpose(method))
            assert np.array_equal(together[..., channel], upright)


def test_twelve_bits_are_not_taken_for_sixteen(tmp_path):
    white = bytes([0xFF]) * (16 * 16 * 12 // 8)
    tags = {256: 16, 257: 16, 258: 12, 262: 1, 277: 1, 278: 16}
    tiff(tmp_path / "a.tif", b"II", tags, white)
    assert (load_image(tmp_path / "a.tif") == 1).all()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif"])
def test_several_pictures_in_a_file_are_refused(tmp_path, suffix):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)) for _ in "abc"]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"holds 3 pictures \(frames or pages\).*save the one"):
        decode(tmp_path / f"a{suffix}")


def test_one_picture_with_something_behind_it_is_one(tmp_path):
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    photo.save(tmp_path / "one.gif", save_all=True)
    # What phones write: a JPEG with another picture behind it.
    photo.save(tmp_path / "a.mpo", save_all=True, append_images=[photo.resize((32, 32))])
    (tmp_path / "a.mpo").rename(tmp_path / "phone.jpg")
    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "thumb.tif"), True) as file:
        photo.save(file, format="TIFF")
        file.newFrame()
        photo.resize((16, 16)).save(file, format="TIFF", tiffinfo={254: 1})
    with Image.open(tmp_path / "thumb.tif") as file:
        assert file.n_frames == 2
    for name in ("one.gif", "phone.jpg", "thumb.tif"):
        assert decode(tmp_path / name).pixels.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("kind", "words"), [(np.int32, "whole numbers of 32 bits"), (np.float32, "floating-point")]
)
def test_numbers_of_unknown_range_are_refused(tmp_path, kind, words):
    Image.fromarray(np.full((20, 20), 70000, kind)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=f"{words}.*does not tell.*8 or 16 bits"):
        decode(tmp_path / "a.tif")


def test_a_named_transparent_colour(tmp_path):
    values = np.full((20, 20, 3), 7, np.uint8)
    values[5:] = 200
    Image.fromarray(values).save(tmp_path / "a.png", transparency=(7, 7, 7))
    found = decode(tmp_path / "a.png")
    assert (found.alpha[:5] == 0).all() and (found.alpha[5:] == 255).all()
    grey = Image.fromarray(values[..., 0])
    grey.save(tmp_path / "b.png", transparency=7)
    found = decode(tmp_path / "b.png")
    assert found.grey and (found.alpha[:5] == 0).all() and (found.alpha[5:] == 255).all()

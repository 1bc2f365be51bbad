"""A result is written as its photo was: depth, alpha, profile, metadata, and pixels to the bit."""

import numpy as np
import pytest
import torch
from icc_profiles import SRGB, SRGB_CURVE, grey_profile, rgb_profile
from PIL import Image, PngImagePlugin

from pdgrad_core.errors import ImageError
from pdgrad_core.images import load_image
from pdgrad_core.photo_files import read_photo
from pdgrad_core.pictures.decoding import decode
from pdgrad_core.pictures.formats import FORMATS
from pdgrad_core.pictures.kept import Kept
from pdgrad_core.pictures.writing import write_picture

HEIGHT, WIDTH = 32, 48
FACE = (slice(8, 24), slice(12, 36))
"""Where a result differs from its photo."""


def noise(channels, kind=np.uint8, seed=0):
    high = np.iinfo(kind).max + 1
    rng = np.random.default_rng(seed)
    return rng.integers(0, high, (HEIGHT, WIDTH, channels)).astype(kind)


def photo(path, pixels, kept=None):
    form = {".png": "PNG", ".tif": "TIFF", ".jpg": "JPEG", ".webp": "WEBP"}[path.suffix]
    write_picture(path, FORMATS[form], pixels, kept or Kept())
    return read_photo(path)


def restored(image, value=0.3):
    """Return an image with another face."""
    result = image.clone()
    result[..., FACE[0], FACE[1]] = value
    return result


def outside(pixels):
    """Return the pixels that no face was pasted on."""
    rest = np.ones(pixels.shape[:2], bool)
    rest[FACE] = False
    return pixels[rest]


KINDS = [
    (channels, kind, suffix)
    for channels in (1, 2, 3, 4)
    for kind in (np.uint8, np.uint16)
    for suffix in (".png", ".tif")
    if (channels, kind, suffix) != (2, np.uint16, ".tif")  # which Pillow does not read
]


@pytest.mark.parametrize(("channels", "kind", "suffix"), KINDS)
@pytest.mark.parametrize("profile", ["none", "wide"])
def test_what_did_not_change_is_kept_to_the_bit(tmp_path, channels, kind, suffix, profile):
    icc = {"none": None, "wide": grey_profile() if channels < 3 else rgb_profile()}[profile]
    pixels = noise(channels, kind)
    source = photo(tmp_path / f"a{suffix}", pixels, Kept(profile=icc))
    for name, result in (("same", source.image), ("face", restored(source.image))):
        source.write(result, tmp_path / f"{name}{suffix}")
        found = decode(tmp_path / f"{name}{suffix}")
        together = found.pixels if found.alpha is None else np.dstack([found.pixels, found.alpha])
        assert together.dtype == kind and together.shape == pixels.shape
        assert np.array_equal(outside(together), outside(pixels))
        assert found.kept.profile == icc
        if channels in (2, 4):
            assert np.array_equal(together[..., -1], pixels[..., -1])
    assert np.array_equal(decode(tmp_path / f"same{suffix}").pixels, source.picture.pixels)
    assert not np.array_equal(together[FACE], pixels[FACE])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_new_face_has_the_colours_it_was_given(tmp_path, kind, suffix):
    """Read again, converted from its own profile, it is what the networks made."""
    source = photo(tmp_path / f"a{suffix}", noise(3, kind), Kept(profile=rgb_profile()))
    colour = torch.tensor([0.4, 0.1, -0.2]).view(1, 3, 1, 1)
    source.write(restored(source.image, colour), tmp_path / f"b{suffix}")
    face = load_image(tmp_path / f"b{suffix}")[..., FACE[0], FACE[1]]
    # Half a level, times how much steeper sRGB is here than the wider encoding.
    assert (face - colour).abs().max() < 1.5 / np.iinfo(kind).max + 1e-6


def test_every_16_bit_value_survives(tmp_path):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1).repeat(3, -1)
    source = photo(tmp_path / "a.png", values)
    # Not as the file's own values, but through the result: every pixel has moved and come back.
    moved = source.image.roll(1, -1)
    source.write(moved, tmp_path / "b.png")
    assert np.array_equal(decode(tmp_path / "b.png").pixels, np.roll(values, 1, 1))


def test_deep_grey_with_alpha_becomes_a_tiff_that_can_be_read(tmp_path):
    pixels = noise(2, np.uint16)
    source = photo(tmp_path / "a.png", pixels)
    source.write(source.image, tmp_path / "b.tif")
    found = decode(tmp_path / "b.tif")
    assert np.array_equal(found.pixels, pixels[..., :1].repeat(3, -1))
    assert np.array_equal(found.alpha, pixels[..., 1])


def test_a_face_under_half_transparency_looks_as_it_was_restored(tmp_path):
    pixels = noise(4, np.uint16)
    pixels[..., 3] = 45875  # 0.7
    source = photo(tmp_path / "a.png", pixels)
    source.write(restored(source.image, 0.8), tmp_path / "b.png")
    face = load_image(tmp_path / "b.png")[..., FACE[0], FACE[1]]
    assert (face - 0.8).abs().max() < 1e-4


def test_colours_under_full_transparency_stay(tmp_path):
    pixels = noise(4)
    pixels[..., 3] = 0
    source = photo(tmp_path / "a.png", pixels)
    assert (source.image == 1).all()
    source.write(restored(source.image), tmp_path / "b.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), pixels)


def test_what_a_format_cannot_hold_is_converted_and_said(tmp_path, caplog):
    pixels = noise(4, np.uint16)
    pixels[:] = (40000, 20000, 10000, 32768)
    source = photo(tmp_path / "a.png", pixels, Kept(profile=rgb_profile()))
    source.write(source.image, tmp_path / "b.jpg")
    assert "b.jpg: as JPEG, 16 bits a channel become 8 and what was transparent is white" in (
        caplog.text
    )
    # The profile stays, and with it the values mean the same colours.
    assert Image.open(tmp_path / "b.jpg").info["icc_profile"] == rgb_profile()
    assert (load_image(tmp_path / "b.jpg") - source.image).abs().max() < 4 / 127.5
    source.write(source.image, tmp_path / "b.bmp")
    assert "colours are converted to sRGB" in caplog.text
    assert (load_image(tmp_path / "b.bmp") - source.image).abs().max() < 1 / 127.5


def test_a_grey_photo_stays_one_channel_unless_it_gets_colours(tmp_path):
    source = photo(tmp_path / "a.png", noise(1), Kept(profile=grey_profile()))
    source.write(restored(source.image), tmp_path / "grey.png")
    assert Image.open(tmp_path / "grey.png").mode == "L"
    colour = torch.tensor([0.4, 0.1, -0.2]).view(1, 3, 1, 1)
    source.write(restored(source.image, colour), tmp_path / "colour.png")
    found = Image.open(tmp_path / "colour.png")
    # A grey profile says nothing of colours, so sRGB is written; the greys look the same.
    assert found.mode == "RGB" and "icc_profile" not in found.info
    shown = load_image(tmp_path / "colour.png")
    assert (shown - restored(source.image, colour)).abs().max() < 1.01 / 255


def test_an_aligned_result_of_another_size_keeps_depth_alpha_and_profile(tmp_path):
    pixels = noise(4, np.uint16)[:, :HEIGHT]
    pixels[..., 3] = 50000
    source = photo(tmp_path / "a.png", pixels, Kept(profile=rgb_profile()))
    result = torch.full((1, 3, 64, 64), 0.9)
    source.write(result, tmp_path / "b.png")
    found = decode(tmp_path / "b.png")
    assert found.pixels.shape == (64, 64, 3) and found.deep
    assert (found.alpha == 50000).all() and found.kept.profile == rgb_profile()
    assert (load_image(tmp_path / "b.png") - result).abs().max() < 1e-4


def exif(orientation=6):
    made = Image.Exif()
    made[0x0112], made[0x0132], made[0x013B] = orientation, "2001:02:03 04:05:06", "A. Nonymous"
    made[0x8769] = {0x9003: "2001:02:03 04:05:06", 0xA002: WIDTH, 0xA003: HEIGHT}
    made[0x8825] = {1: "N", 2: (47.0, 22.0, 12.0)}
    return made


@pytest.mark.parametrize("before", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("after", [".jpg", ".png", ".webp", ".tif"])
def test_metadata_is_kept_from_format_to_format(tmp_path, before, after):
    path = tmp_path / f"a{before}"
    options = {"dpi": (300, 300)} if before != ".webp" else {}
    Image.fromarray(noise(3)).save(
        path, exif=exif().tobytes(), icc_profile=rgb_profile(), **options
    )
    source = read_photo(path)
    assert source.image.shape == (1, 3, WIDTH, HEIGHT)  # on its side
    source.write(source.image, tmp_path / f"b{after}")
    with Image.open(tmp_path / f"b{after}") as found:
        kept = found.getexif()
        details, place = dict(kept.get_ifd(0x8769)), kept.get_ifd(0x8825)
        assert found.size == (HEIGHT, WIDTH)
        assert kept.get(0x0112, 1) == 1
        assert kept[0x0132] == "2001:02:03 04:05:06" and kept[0x013B] == "A. Nonymous"
        assert details[0x9003] == "2001:02:03 04:05:06"
        assert (details[0xA002], details[0xA003]) == (HEIGHT, WIDTH)
        assert place[1] == "N" and tuple(map(float, place[2])) == (47.0, 22.0, 12.0)
        assert found.info["icc_profile"] == rgb_profile()
        if ".webp" not in (before, after):
            assert found.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    again = load_image(tmp_path / f"b{after}")
    assert again.shape == source.image.shape


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_pngs_own_notes_are_kept(tmp_path, kind):
    notes = PngImagePlugin.PngInfo()
    notes.add(b"gAMA", (45455).to_bytes(4, "big"))
    notes.add(b"cHRM", bytes(range(32)))
    notes.add_text("workflow", '{"nodes": []}')
    notes.add_itxt("Title", "Großmutter", zip=True)
    packet = '<x:xmpmeta><a tiff:Orientation="6"/>kept</x:xmpmeta>'
    notes.add_itxt("XML:com.adobe.xmp", packet)
    made = Image.Exif()
    made[0x0112] = 6
    Image.fromarray(noise(3)).save(tmp_path / "a.png", pnginfo=notes, exif=made)
    source = read_photo(tmp_path / "a.png")
    if kind == np.uint16:
        wide = source.picture.pixels.astype(np.uint16) * 257
        write_picture(tmp_path / "c.png", FORMATS["PNG"], wide, source.picture.kept)
        source = read_photo(tmp_path / "c.png")
    source.write(source.image, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as found:
        found.load()
        assert found.info["gamma"] == 0.45455
        assert found.info["workflow"] == '{"nodes": []}' and found.info["Title"] == "Großmutter"
        assert found.info["XML:com.adobe.xmp"] == packet.replace('tiff:Orientation="6"', "")
    data = (tmp_path / "b.png").read_bytes()
    assert b"cHRM" + bytes(range(32)) in data
    assert data.index(b"gAMA") < data.index(b"IDAT")


def test_an_xmp_packet_and_a_comment_go_where_there_is_a_place(tmp_path):
    packet = b"<x:xmpmeta>kept</x:xmpmeta>"
    Image.fromarray(noise(3)).save(tmp_path / "a.jpg", xmp=packet, comment=b"at the lake")
    source = read_photo(tmp_path / "a.jpg")
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        source.write(source.image, tmp_path / f"b{suffix}")
        again = read_photo(tmp_path / f"b{suffix}").picture.kept
        assert again.xmp == packet, suffix
    assert read_photo(tmp_path / "b.jpg").picture.kept.comment == b"at the lake"


def test_a_thumbnail_of_the_old_face_does_not_stay(tmp_path):
    made = exif(1)
    small = Image.fromarray(noise(3)).resize((16, 16))
    small.save(tmp_path / "small.jpg")
    data = made.tobytes() + (tmp_path / "small.jpg").read_bytes()
    Image.fromarray(noise(3)).save(tmp_path / "a.jpg", exif=data)
    source = read_photo(tmp_path / "a.jpg")
    source.write(source.image, tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes().count(b"\xff\xd8\xff") == 1


def test_damaged_exif_costs_the_exif_only(tmp_path, caplog):
    good = exif(1).tobytes()
    Image.fromarray(noise(3)).save(tmp_path / "a.jpg", exif=good)
    data = (tmp_path / "a.jpg").read_bytes().replace(good[14:60], b"\xff" * 46)
    (tmp_path / "a.jpg").write_bytes(data)
    source = read_photo(tmp_path / "a.jpg")
    source.write(source.image, tmp_path / "b.jpg")
    assert Image.open(tmp_path / "b.jpg").size == (WIDTH, HEIGHT)


def test_metadata_that_a_format_refuses_costs_the_metadata_only(tmp_path, caplog):
    made = exif(1)
    made[0x010E] = "a long story " * 6000  # 78 kB: a JPEG has room for 64
    Image.fromarray(noise(3)).save(tmp_path / "a.png", exif=made.tobytes(), dpi=(300, 300))
    source = read_photo(tmp_path / "a.png")
    source.write(source.image, tmp_path / "b.jpg")
    assert "cannot be written as JPEG" in caplog.text
    assert Image.open(tmp_path / "b.jpg").size == (WIDTH, HEIGHT)


def test_cmyk_becomes_rgb_without_its_profile(tmp_path):
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "a.tif", icc_profile=b"unusable")
    source = read_photo(tmp_path / "a.tif")
    source.write(source.image, tmp_path / "b.tif")
    found = Image.open(tmp_path / "b.tif")
    assert found.mode == "RGB" and "icc_profile" not in found.info


def test_srgb_photos_are_read_as_they_always_were(tmp_path):
    pixels = noise(3)
    plain = photo(tmp_path / "a.png", pixels)
    tagged = photo(tmp_path / "b.png", pixels, Kept(profile=rgb_profile(SRGB, SRGB_CURVE)))
    expected = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    assert torch.equal(plain.image, expected) and torch.equal(tagged.image, expected)


def test_a_wrong_ending_writes_nothing(tmp_path):
    source = photo(tmp_path / "a.png", noise(3))
    with pytest.raises(ImageError, match="must end in a picture format"):
        source.write(source.image, tmp_path / "b.eps")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]

"""Colour profiles: to sRGB and back, against values by hand and against LittleCMS."""

import io

import numpy as np
import pytest
from icc_profiles import (
    SRGB,
    SRGB_CURVE,
    gamma_curve,
    grey_profile,
    parametric_curve,
    rgb_profile,
    sampled_curve,
)
from PIL import Image, ImageCms

from pdgrad_core.pictures.encodings import MatrixEncoding, TableEncoding, encoding_of
from pdgrad_core.pictures.icc import IccProfile, NotArithmeticError


def colours(count=4000, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3), dtype=np.uint8)


def by_littlecms(pixels, profile):
    transform = ImageCms.buildTransform(
        ImageCms.getOpenProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        *("RGB", "RGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels[None]), transform))[0]


def test_a_wide_gamut_is_converted_as_littlecms_does():
    pixels = colours()
    found = encoding_of(rgb_profile(), 3, "a").decode(pixels) * 255
    # LittleCMS rounds to 8 bits, and computes with 16-bit matrices.
    assert np.abs(found - by_littlecms(pixels, rgb_profile())).max() < 1.0


def test_red_of_adobe_rgb_by_hand():
    # Adobe RGB (1998), appendix: its (0.5, 0.25, 0.25) in light is, by its matrix and sRGB's,
    # 1.3984 R - 0.3984 G of sRGB's red in light, and its green and blue hardly move.
    light = np.array([0.5, 0.25, 0.25])
    pixels = np.round(65535 * light ** (256 / 563)).astype(np.uint16)[None]
    red, green, blue = encoding_of(rgb_profile(), 3, "a").decode(pixels)[0]
    srgb = 1.055 * (1.3984 * 0.5 - 0.3984 * 0.25) ** (1 / 2.4) - 0.055
    assert red == pytest.approx(srgb, abs=2e-3)
    assert green == pytest.approx(1.055 * 0.25 ** (1 / 2.4) - 0.055, abs=2e-3)
    assert blue == pytest.approx(green, abs=6e-3)


def test_there_and_back_is_the_same_to_the_last_of_16_bits_where_srgb_reaches():
    encoding = encoding_of(rgb_profile(), 3, "a")
    # Nearly grey colours are inside every gamut.
    rng = np.random.default_rng(0)
    grey = rng.integers(5000, 60000, (2000, 1))
    pixels = (grey + rng.integers(-200, 200, (2000, 3))).astype(np.uint16)
    back = encoding.encode(encoding.decode(pixels)) * 65535
    assert np.abs(back - pixels).max() < 0.5


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_black_and_white_stay_exactly_that(kind):
    """A mask that was drawn in a wide gamut is black and white still."""
    ends = np.array([[0], [np.iinfo(kind).max]], kind)
    rgb = encoding_of(rgb_profile(), 3, "a")
    grey = encoding_of(grey_profile(), 1, "a")
    assert rgb.decode(ends.repeat(3, 1)).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert grey.decode(ends).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert rgb.encode(np.array([[0, 0, 0], [1, 1, 1]], np.float32)).tolist() == [[0] * 3, [1] * 3]


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (gamma_curve(256), lambda x: x),
        (gamma_curve(512), lambda x: x**2),
        (sampled_curve([0, 65535]), lambda x: x),
        (sampled_curve([0, 0, 65535]), lambda x: np.maximum(2 * x - 1, 0)),
        (parametric_curve(0, 2.0), lambda x: x**2),
        (parametric_curve(1, 2.0, 2.0, -1.0), lambda x: np.maximum(2 * x - 1, 0) ** 2),
        (parametric_curve(2, 1.0, 0.5, 0.0, 0.5), lambda x: 0.5 * x + 0.5),
        (parametric_curve(3, 1.0, 1.0, 0.0, 0.5, 0.5), lambda x: np.where(x >= 0.5, x, x / 2)),
        (
            parametric_curve(4, 1.0, 0.5, 0.0, 0.5, 0.5, 0.25, 0.125),
            lambda x: np.where(x >= 0.5, 0.5 * x + 0.25, 0.5 * x + 0.125),
        ),
    ],
)
def test_every_kind_of_curve(curve, expected):
    x = np.linspace(0, 1, 65536)
    found = IccProfile(grey_profile(curve)).curve(b"kTRC")
    # Numbers in a profile are multiples of 2^-16.
    assert np.abs(found - expected(x)).max() < 4 / 65536


@pytest.mark.parametrize("profile", ["made", "LittleCMS's"])
def test_srgb_needs_no_conversion(profile):
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = rgb_profile(SRGB, SRGB_CURVE) if profile == "made" else own
    assert encoding_of(data, 3, "a") is None


def test_grey_profiles():
    encoding = encoding_of(grey_profile(gamma_curve(256)), 1, "a")
    half = np.array([[32768]], np.uint16)
    shown = encoding.decode(half)
    assert shown.shape == (1, 3)
    assert shown[0] == pytest.approx([0.735357] * 3, abs=1e-4)  # sRGB of half the light
    assert encoding.encode(shown)[0, 0] * 65535 == pytest.approx(32768, abs=0.5)


def test_an_rgb_profile_on_a_grey_picture_counts_by_its_curve():
    assert encoding_of(rgb_profile(SRGB, SRGB_CURVE), 1, "a") is None
    assert encoding_of(rgb_profile(SRGB, gamma_curve(256)), 1, "a") is not None
    assert encoding_of(grey_profile(), 3, "a") is None


def test_profiles_of_tables_go_through_littlecms():
    profile = rgb_profile()
    # The same profile, whose matrix nobody may use: a table of that name stands first.
    with pytest.raises(NotArithmeticError):
        IccProfile(profile.replace(b"cprt", b"A2B0"))
    pixels = colours(500)
    table = TableEncoding(profile)
    assert np.array_equal(np.round(table.decode(pixels) * 255), by_littlecms(pixels, profile))
    exact = MatrixEncoding(
        tuple(IccProfile(profile).curve(name) for name in (b"rTRC", b"gTRC", b"bTRC")),
        IccProfile(profile).matrix(),
    )
    shown = exact.decode(pixels)
    # The input is rounded to 8 bits first; near black the curve is steep.
    assert np.abs(table.encode(shown) - exact.encode(shown)).mean() * 255 < 1


@pytest.mark.parametrize("damage", [b"", b"no profile at all", rgb_profile()[:200]])
def test_a_damaged_profile_is_said_and_not_used(caplog, damage):
    assert encoding_of(damage, 3, "holiday.png") is None
    assert "holiday.png: its colour profile cannot be used" in caplog.text

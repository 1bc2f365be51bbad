"""What a file's numbers mean as colours: to sRGB, which networks see, and back."""

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .icc import SRGB_TO_XYZ, Curve, IccProfile, NotArithmeticError

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

Values = NDArray[np.float32]

_GRID: Curve = np.linspace(0.0, 1.0, 65536)

_FOOT, _POWER, _SCALE, _SHIFT = (np.float32(one) for one in (12.92, 2.4, 1.055, 0.055))
"""sRGB's curve: slope of its straight foot, its power, and how that is stretched and shifted."""

_ROUNDING = 0.003
"""By so much the primaries of a profile, rounded as they are, may miss the white they add up to."""

_WHITE = np.float32(1 - 1e-6)
"""Light above this is white, which a sum of three rounded products may miss."""

_SRGB_LEVELS = 1.5
"""sRGB's own profiles differ: where a channel is black beside two full ones, their rounded matrices
make a level of 255 of it."""


class Encoding(Protocol):
    """A file's own colours."""

    def decode(self, pixels: NDArray[Any]) -> Values:
        """Return sRGB colours `(N, 3)` from 0 to 1 for pixels `(N, C)`, uint8 or uint16."""
        ...

    def encode(self, colours: Values) -> Values:
        """Return the values `(N, C)` from 0 to 1 of sRGB colours `(N, 3)`."""
        ...


class MatrixEncoding:
    """RGB by three curves and a matrix, exact to less than a level of 16 bits.

    Args:
        curves: Light of each channel.
        to_xyz: The linear channels' matrix to XYZ under D50, `(3, 3)`.
    """

    def __init__(self, curves: tuple[Curve, Curve, Curve], to_xyz: NDArray[np.float64]) -> None:
        self.curves = curves
        to_srgb = np.linalg.inv(SRGB_TO_XYZ) @ to_xyz
        white = to_srgb.sum(1, keepdims=True)
        if np.abs(white - 1).max() < _ROUNDING:
            to_srgb = to_srgb / white  # white is white, and stays it: masks are read so, too
        self.to_srgb = to_srgb.astype(np.float32)
        self.from_srgb = np.linalg.inv(to_srgb).astype(np.float32)
        self._light = [curve.astype(np.float32) for curve in curves]

    def decode(self, pixels: NDArray[Any]) -> Values:
        """See `Encoding`; what sRGB does not reach is clipped."""
        places = _places(pixels)
        light = np.stack([curve[places[:, i]] for i, curve in enumerate(self._light)], -1)
        return _from_light(light @ self.to_srgb.T)

    def encode(self, colours: Values) -> Values:
        """See `Encoding`."""
        light = (_to_light(colours) @ self.from_srgb.T).clip(0.0, 1.0)
        channels = [np.interp(light[:, i], curve, _GRID) for i, curve in enumerate(self.curves)]
        return np.stack(channels, -1).astype(np.float32)


class GreyEncoding:
    """Grey by one curve.

    Args:
        curve: Light of each value.
    """

    def __init__(self, curve: Curve) -> None:
        self.curve = curve

    def decode(self, pixels: NDArray[Any]) -> Values:
        """See `Encoding`; the three channels are equal."""
        light = self.curve[_places(pixels)].astype(np.float32)
        return np.repeat(_from_light(light), 3, -1)

    def encode(self, colours: Values) -> Values:
        """See `Encoding`; of colours the channels' mean is taken."""
        light = _to_light(colours.mean(-1, keepdims=True))
        return np.interp(light, self.curve, _GRID).astype(np.float32)


class TableEncoding:
    """RGB by a profile's tables, through LittleCMS, at 8 bits.

    Args:
        profile: The ICC profile.

    Raises:
        ValueError: It is no RGB profile that can be converted from and to sRGB, or this Pillow
            comes without LittleCMS.
    """

    def __init__(self, profile: bytes) -> None:
        self._to_srgb = _transform(profile, None)
        self._from_srgb = _transform(None, profile)

    def decode(self, pixels: NDArray[Any]) -> Values:
        """See `Encoding`."""
        eight = pixels if pixels.dtype == np.uint8 else (pixels / 257).round().astype(np.uint8)
        return _through(self._to_srgb, eight)

    def encode(self, colours: Values) -> Values:
        """See `Encoding`."""
        return _through(self._from_srgb, (colours * 255).round().clip(0, 255).astype(np.uint8))


def encoding_of(profile: bytes, channels: int, path: Path | str) -> Encoding | None:
    """Return what a profile says of a file's values; None where that is sRGB, or unknown.

    Args:
        profile: ICC profile.
        channels: Of the picture, 1 or 3.
        path: Of the picture, for the log.
    """
    try:
        found = _read(profile, channels)
        if found is not None and _is_srgb(found, channels):
            return None
        return found
    except Exception as error:  # LittleCMS and damaged bytes raise many types
        logger.warning(
            "%s: its colour profile cannot be used (%s); its colours are taken as sRGB.",
            path,
            error,
        )
        return None


def cmyk_as_srgb(picture: "Image", profile: bytes) -> "Image":
    """Return a CMYK picture as sRGB by its profile, or unchanged where that does not work."""
    try:
        from PIL import ImageCms

        converted = ImageCms.applyTransform(picture, _transform(profile, None, "CMYK"))
        return picture if converted is None else converted
    except Exception as error:  # as above
        logger.warning("The CMYK profile cannot be used (%s); it is converted without.", error)
        return picture


def _read(profile: bytes, channels: int) -> Encoding | None:
    try:
        parts = IccProfile(profile)
        if channels == 1:
            name = b"kTRC" if parts.space == b"GRAY" else b"gTRC"
            return GreyEncoding(parts.curve(name))
        if parts.space == b"GRAY":
            return None
        red, green, blue = (parts.curve(name) for name in (b"rTRC", b"gTRC", b"bTRC"))
        return MatrixEncoding((red, green, blue), parts.matrix())
    except NotArithmeticError:
        if channels == 1:
            raise
        return TableEncoding(profile)


def _is_srgb(encoding: Encoding, channels: int) -> bool:
    """Return whether an encoding gives sRGB's own colours to less than `_SRGB_LEVELS`."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    if channels == 1:
        grid = np.arange(256, dtype=np.uint8)[:, None]
    else:
        grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
    return bool(np.abs(encoding.decode(grid) * 255 - grid).max() < _SRGB_LEVELS)


def _places(pixels: NDArray[Any]) -> NDArray[np.int64]:
    return pixels.astype(np.int64) * (257 if pixels.dtype == np.uint8 else 1)


def _to_light(values: Values) -> Values:
    """Return sRGB values from 0 to 1 as light. Source: IEC 61966-2-1."""
    values = values.clip(0.0, 1.0)
    return np.where(values <= 0.04045, values / _FOOT, ((values + _SHIFT) / _SCALE) ** _POWER)


def _from_light(light: Values) -> Values:
    """Return light as sRGB values from 0 to 1, clipped. Source: IEC 61966-2-1."""
    light = np.where(light > _WHITE, np.float32(1.0), light.clip(0.0, 1.0))
    # The same as scale * power - shift, but white is 1 exactly.
    curved = 1 - _SCALE * (1 - light ** (1 / _POWER))
    return np.where(light <= 0.0031308, light * _FOOT, curved)


def _transform(source: bytes | None, target: bytes | None, mode: str = "RGB") -> Any:
    from PIL import ImageCms

    def opened(profile: bytes | None) -> Any:
        if profile is None:
            return ImageCms.createProfile("sRGB")
        return ImageCms.getOpenProfile(io.BytesIO(profile))

    return ImageCms.buildTransform(
        opened(source),
        opened(target),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )


def _through(transform: Any, pixels: NDArray[np.uint8]) -> Values:
    from PIL import Image, ImageCms

    row = Image.fromarray(np.ascontiguousarray(pixels[None]))
    return (np.asarray(ImageCms.applyTransform(row, transform))[0] / 255).astype(np.float32)

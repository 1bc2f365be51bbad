"""Reading 16 bits a channel, of which Pillow's RGB pictures have room for 8."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Deep = tuple[NDArray[np.uint16], NDArray[np.uint16] | None]
"""Pixels `(H, W, 1 or 3)` and, where there is one, alpha `(H, W)`."""


def deep_pixels(path: Path, file: "Image") -> Deep | None:
    """Return the pixels of a picture with more than 8 bits a channel, upright; None for others.

    Args:
        path: The file.
        file: The same, opened, its pixels not loaded yet.
    """
    from PIL import ImageOps

    if file.mode.startswith("I"):
        scale = _unit_of_twelve_bits(file)
        values = np.asarray(ImageOps.exif_transpose(file)).astype(np.float64) * scale
        grey = values.round().clip(0, 65535).astype(np.uint16)[..., None]
        return grey, _keyed_alpha(grey, file.info.get("transparency"))
    rawmodes = {_rawmode(tile) for tile in getattr(file, "tile", [])}
    if len(rawmodes) != 1:
        return None
    rawmode = rawmodes.pop()
    if rawmode == "LA;16B":
        # As four channels of a byte each, nothing of them is left out.
        parts = _load_as(path, file, "RGBA")
        return _joined(parts[..., :1], parts[..., 1:2]), _joined(parts[..., 2], parts[..., 3])
    low = _OTHER_BYTE.get(rawmode)
    if low is None:
        return None
    values = _joined(_load_as(path, file, rawmode), _load_as(path, file, low))
    if values.shape[-1] == 4:
        return np.ascontiguousarray(values[..., :3]), values[..., 3]
    return values, _keyed_alpha(values, file.info.get("transparency"))


def _other_bytes() -> dict[str, str]:
    """Return which raw mode gives the low bytes of 16-bit channels, by the one that is right.

    Pillow keeps the high byte of each channel. Told the opposite byte order, it keeps the low one.
    """
    native, foreign = ("L", "B") if sys.byteorder == "little" else ("B", "L")
    opposite = {"B": "L", "L": "B", "N": foreign, native: foreign, foreign: native}
    return {
        f"{kind};16{order}": f"{kind};16{opposite[order]}"
        for kind in ("RGB", "RGBA", "RGBX")
        for order in "BLN"
    }


_OTHER_BYTE = _other_bytes()


def _load_as(path: Path, like: "Image", rawmode: str) -> NDArray[np.uint8]:
    """Return a file's pixels, upright, read by another raw mode than Pillow's own choice."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=[str(like.format)]) as file:
        stored: Any = file
        stored.tile = [_with_rawmode(tile, rawmode) for tile in stored.tile]
        return np.array(ImageOps.exif_transpose(file))


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return np.asarray(high.astype(np.uint16) * 256 + low, dtype=np.uint16)


def _rawmode(tile: Any) -> str:
    arguments = tile[3]
    return str(arguments if isinstance(arguments, str) else arguments[0])


def _with_rawmode(tile: Any, rawmode: str) -> Any:
    arguments = rawmode if isinstance(tile[3], str) else (rawmode, *tile[3][1:])
    # A named tuple in newer versions of Pillow, a plain one in older.
    named = hasattr(tile, "_replace")
    return tile._replace(args=arguments) if named else (*tile[:3], arguments)


def _unit_of_twelve_bits(file: "Image") -> float:
    """Return the factor to 16 bits: Pillow leaves a TIFF's 12 bits as they are."""
    bits = getattr(file, "tag_v2", {}).get(258, (16,))[0]
    return 65535 / 4095 if bits == 12 else 1.0


def _keyed_alpha(values: NDArray[np.uint16], key: Any) -> NDArray[np.uint16] | None:
    """Return the alpha of a picture that names one colour as transparent."""
    if not isinstance(key, int | tuple):
        return None
    return np.where((values == np.array(key)).all(-1), 0, 65535).astype(np.uint16)

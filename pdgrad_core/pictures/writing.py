"""Writing pixel values of 8 or 16 bits a channel, with what is kept beside them."""

import io
import logging
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .deep_png import write_deep_png
from .formats import Format
from .kept import Chunk, Kept

logger = logging.getLogger(__name__)

QUALITY = 95
"""Of JPEG, WebP and AVIF; formats without loss ignore it."""


def write_picture(path: Path, form: Format, pixels: NDArray[Any], kept: Kept) -> None:
    """Write a picture file.

    Args:
        path: The file.
        form: Its format, which can hold the pixels.
        pixels: `(H, W, C)` uint8 or uint16, of 1 to 4 channels: grey or RGB, with or without alpha.
        kept: What stands beside them, as far as the format has a place for it.
    """
    try:
        _write(path, form, pixels, kept)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # what a format's writer says to metadata that is too long or odd
        logger.warning(
            "What the photo says of itself cannot be written as %s (%s) and is left out.",
            form.name,
            error,
        )
        _write(path, form, pixels, Kept(profile=kept.profile))


def _write(path: Path, form: Format, pixels: NDArray[Any], kept: Kept) -> None:
    if pixels.dtype == np.uint16 and form.name == "PNG":
        with path.open("wb") as file:
            write_deep_png(file, pixels, _png_chunks(kept))
    elif pixels.dtype == np.uint16:
        path.write_bytes(_deep_tiff(pixels, kept))
    else:
        _save(path, form, pixels, kept)


def _save(target: Path | io.BytesIO, form: Format, pixels: NDArray[Any], kept: Kept) -> None:
    from PIL import Image, PngImagePlugin

    options: dict[str, Any] = {"quality": QUALITY}
    if form.profile:
        # None would be replaced by what the picture itself knows, which here is nothing.
        options |= {"icc_profile": kept.profile, "exif": kept.exif, "dpi": kept.dpi}
        options = {name: value for name, value in options.items() if value}
        if kept.xmp and form.name in ("JPEG", "WEBP", "AVIF"):
            options["xmp"] = kept.xmp
    if form.name == "JPEG" and kept.comment:
        options["comment"] = kept.comment
    if form.name == "PNG":
        options["pnginfo"] = notes = PngImagePlugin.PngInfo()
        for name, content in _texts(kept):
            notes.add(name, content)
    if form.name == "TIFF":
        options["tiffinfo"] = _tiff_tags(kept)
        options.pop("exif", None)
    if form.name == "WEBP":
        options["exact"] = True  # colours under full transparency stay
    values = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(np.ascontiguousarray(values)).save(target, format=form.name, **options)


def _texts(kept: Kept) -> list[Chunk]:
    """Return a PNG's own notes; the XMP packet is a text too."""
    notes = [chunk for chunk in kept.chunks if not (kept.profile and chunk[0] == b"sRGB")]
    if kept.xmp:
        notes.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + kept.xmp))
    return notes


def _png_chunks(kept: Kept) -> list[Chunk]:
    """Return what stands before the pixels of a PNG."""
    chunks: list[Chunk] = []
    if kept.profile:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(kept.profile)))
    if kept.dpi:
        across, down = (round(per_inch / 0.0254) for per_inch in kept.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if kept.exif:
        chunks.append((b"eXIf", kept.exif.removeprefix(b"Exif\0\0")))
    # Notes on colours belong before the others.
    return sorted([*chunks, *_texts(kept)], key=lambda chunk: chunk[0] not in _FIRST)


_FIRST = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_XMP_TAG, _WIDTH_TAG, _BITS_TAG = 700, 256, 258


def _tiff_tags(kept: Kept) -> Any:
    """Return EXIF and XMP as the tags of a TIFF."""
    from PIL import Image

    tags = Image.Exif()
    if kept.exif:
        tags.load(kept.exif)
    if kept.xmp:
        tags[_XMP_TAG] = kept.xmp
    return tags


def _deep_tiff(pixels: NDArray[np.uint16], kept: Kept) -> bytes:
    """Return a TIFF of 16 bits a channel.

    Pillow writes grey only. So it is given the bytes as a picture of 8 bits and twice the width,
    whose rows are the same; two numbers in its directory are then set right.
    """
    height, width, channels = pixels.shape
    halves = pixels.astype("<u2").view(np.uint8).reshape(height, 2 * width, channels)
    file = io.BytesIO()
    _save(file, Format("TIFF", deep=True, alpha=True, profile=True), halves, kept)
    data = bytearray(file.getvalue())
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    for at in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from("<HHI", data, at)
        if tag == _WIDTH_TAG:
            struct.pack_into("<I" if kind == 4 else "<H", data, at + 8, width)
        elif tag == _BITS_TAG:
            inside = 2 * count <= 4
            place = at + 8 if inside else struct.unpack_from("<I", data, at + 8)[0]
            struct.pack_into(f"<{count}H", data, place, *([16] * count))
    return bytes(data)

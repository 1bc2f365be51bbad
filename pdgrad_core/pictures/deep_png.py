"""Writing PNG files of 16 bits a channel, which Pillow cannot."""

import struct
import zlib
from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from .kept import Chunk

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's number for grey, grey with alpha, RGB, RGB with alpha, by the number of channels."""

_BAND_BYTES = 4 << 20
_PAETH = 4


def write_deep_png(
    file: IO[bytes],
    pixels: NDArray[np.uint16],
    chunks: Sequence[Chunk] = (),
) -> None:
    """Write a PNG file of 16 bits a channel.

    Source: Portable Network Graphics, third edition, sections 9.2 (filters) and 11.2 (chunks).

    Args:
        file: To write to.
        pixels: `(H, W, C)` of 1 to 4 channels: grey or RGB, with or without alpha.
        chunks: Written before the pixels, in this order.
    """
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n")
    for name, content in ((b"IHDR", head), *chunks):
        _write_chunk(file, name, content)
    squeeze = zlib.compressobj(level=6)
    rows = max(1, _BAND_BYTES // (width * channels * 2))
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, rows):
        band = pixels[top : top + rows].astype(">u2").view(np.uint8).reshape(-1, above.shape[1])
        filtered = _filtered(band, np.vstack([above, band[:-1]]), 2 * channels)
        _write_chunk(file, b"IDAT", squeeze.compress(filtered.tobytes()))
        above = band[-1:]
    _write_chunk(file, b"IDAT", squeeze.flush())
    _write_chunk(file, b"IEND", b"")


def _filtered(
    band: NDArray[np.uint8], above: NDArray[np.uint8], pixel_bytes: int
) -> NDArray[np.uint8]:
    """Return rows as differences from Paeth's prediction, each after the filter's number."""
    left, corner = np.zeros_like(band), np.zeros_like(band)
    left[:, pixel_bytes:], corner[:, pixel_bytes:] = band[:, :-pixel_bytes], above[:, :-pixel_bytes]
    a, b, c = (part.astype(np.int16) for part in (left, above, corner))
    from_a, from_b, from_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    nearest = np.where((from_a <= from_b) & (from_a <= from_c), a, np.where(from_b <= from_c, b, c))
    rows = np.full((len(band), band.shape[1] + 1), _PAETH, np.uint8)
    rows[:, 1:] = band - nearest.astype(np.uint8)
    return rows


def _write_chunk(file: IO[bytes], name: bytes, content: bytes) -> None:
    if not content and name == b"IDAT":
        return
    file.write(struct.pack(">I", len(content)) + name + content)
    file.write(struct.pack(">I", zlib.crc32(name + content)))

"""What a picture file holds beside its pixels, as far as it is to be kept."""

import logging
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

logger = logging.getLogger(__name__)

Chunk = tuple[bytes, bytes]
"""Name and content of a part of a PNG file."""

_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_CHUNKS_BYTES = 64 << 20
_XMP_KEY = b"XML:com.adobe.xmp"
_ORIENTED = (_XMP_KEY, b"Raw profile type exif", b"Raw profile type APP1")

_EXIF_IFD, _WIDTH, _HEIGHT, _ORIENTATION = 0x8769, 0xA002, 0xA003, 0x0112
# A TIFF's tags about how its pixels are stored, and its profile and XMP, which are kept apart.
_STORAGE_TAGS = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 292, 293, 296),
    *(317, 318, 319, 320, 322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 529, 530, 531, 532),
    *(700, 33723, 34377, 34675, 513, 514),
}


@dataclass(frozen=True)
class Kept:
    """What is kept of a file beside its pixels.

    Attributes:
        profile: ICC profile.
        exif: EXIF with its header, the orientation taken out; empty for none.
        xmp: The XMP packet; empty for none.
        dpi: Pixels per inch, across and down.
        chunks: A PNG's own notes on colours, and its texts.
        comment: A JPEG's comment.
    """

    profile: bytes | None = None
    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    chunks: tuple[Chunk, ...] = ()
    comment: bytes = b""

    def without_profile(self) -> Self:
        """Return the same without anything that says what numbers mean as colours."""
        texts = tuple(chunk for chunk in self.chunks if chunk[0] not in _COLOUR_CHUNKS)
        return replace(self, profile=None, chunks=texts)

    def sized(self, width: int, height: int) -> Self:
        """Return the same for a picture of another size, which EXIF may name."""
        return replace(self, exif=_with_size(self.exif, width, height)) if self.exif else self


def kept_of(path: Path, file: "Image", upright: "Image") -> Kept:
    """Return what is kept of a file.

    Args:
        path: The file.
        file: The same, opened, its pixels loaded.
        upright: Its content, turned as its EXIF says: of a TIFF that knows no EXIF any more.
    """
    info = upright.info
    xmp: Any = info.get("xmp") or info.get(_XMP_KEY.decode()) or b""
    dpi = info.get("dpi")
    if dpi == (1, 1):  # what Pillow says where a TIFF says nothing
        dpi = None
    comment = info.get("comment", b"")
    return Kept(
        profile=info.get("icc_profile") or None,
        exif=_exif_of(path, file, upright.size),
        xmp=xmp.encode() if isinstance(xmp, str) else bytes(xmp),
        dpi=None if dpi is None else (float(dpi[0]), float(dpi[1])),
        chunks=_chunks_of(path) if info.get("icc_profile") is None else _texts_of(path),
        comment=comment if isinstance(comment, bytes) else b"",
    )


def _exif_of(path: Path, file: "Image", size: tuple[int, int]) -> bytes:
    try:
        exif = file.getexif()
        for tag in [*_STORAGE_TAGS, _ORIENTATION]:
            exif.pop(tag, None)
        return _with_size(_bytes_of(exif), *size)
    except Exception as error:  # damaged EXIF raises many types
        logger.warning("%s: its EXIF data is damaged (%s) and is left out.", path, error)
        return b""


def _bytes_of(exif: "Exif") -> bytes:
    # Of a thumbnail nothing is written: it would show the face as it was.
    return exif.tobytes() if len(exif) else b""


def _with_size(data: bytes, width: int, height: int) -> bytes:
    """Return EXIF in which the picture's size, where it stands, is this one."""
    from PIL import Image

    if not data:
        return data
    exif = Image.Exif()
    exif.load(data)
    details = exif.get_ifd(_EXIF_IFD)
    if _WIDTH in details or _HEIGHT in details:
        details[_WIDTH], details[_HEIGHT] = width, height
        exif[_EXIF_IFD] = details
    return exif.tobytes()


def _texts_of(path: Path) -> tuple[Chunk, ...]:
    return tuple(chunk for chunk in _chunks_of(path) if chunk[0] in _TEXT_CHUNKS)


def _chunks_of(path: Path) -> tuple[Chunk, ...]:
    """Return the colour and text chunks of a PNG file, as they are; none for other files."""
    found: list[Chunk] = []
    with path.open("rb") as file:
        if file.read(8) != b"\x89PNG\r\n\x1a\n":
            return ()
        total = 0
        while len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            total += size if name in (*_COLOUR_CHUNKS, *_TEXT_CHUNKS) else 0
            if name not in (*_COLOUR_CHUNKS, *_TEXT_CHUNKS):
                file.seek(size + 4, 1)
            elif total > _MAX_CHUNKS_BYTES:
                logger.warning("%s: its texts are too long and are left out.", path)
                return ()
            else:
                content = file.read(size)
                file.seek(4, 1)
                if not content.startswith(_ORIENTED):  # kept apart, the orientation taken out
                    found.append((name, content))
    return tuple(found)

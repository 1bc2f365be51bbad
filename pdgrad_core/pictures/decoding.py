"""Reading a picture file: its own pixel values, upright, and what it keeps beside them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from .deep import deep_pixels
from .encodings import Encoding, cmyk_as_srgb, encoding_of
from .formats import readable_formats
from .kept import Kept, kept_of

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE_PX = 16
"""Smallest width and height that any part of this package accepts."""

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Picture:
    """What a picture file holds.

    Attributes:
        pixels: Its own values, upright: `(H, W, 1)` for grey or `(H, W, 3)` for RGB, uint8 or
            uint16.
        alpha: `(H, W)` of the same type; None where every pixel is opaque by format.
        encoding: What the values mean as colours, if they are not sRGB's.
        kept: What else is to be kept.
    """

    pixels: Pixels
    alpha: Pixels | None
    encoding: Encoding | None
    kept: Kept

    @property
    def deep(self) -> bool:
        """Whether it has 16 bits a channel."""
        return self.pixels.dtype == np.uint16

    @property
    def grey(self) -> bool:
        """Whether it has one channel of colour."""
        return self.pixels.shape[-1] == 1


def decode(path: Path | str) -> Picture:
    """Read a picture file; EXIF orientation is applied.

    Raises:
        ImageError: The file is missing, is no picture of a format that is meant, holds several
            pictures or values of unknown range, or is smaller than 16x16.
    """
    from PIL import Image, UnidentifiedImageError

    path = Path(path)
    if not path.is_file():
        raise ImageError(f"Expected a picture at {path}, but there is no such file.")
    try:
        with Image.open(path, formats=readable_formats()) as file:
            _check_single(path, file)
            _check_range(path, file)
            picture = _decoded(path, file)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path} is not a picture that can be read, whatever its name says; "
            "give a PNG, JPEG or WebP file."
        ) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageError(f"{path} is too large a picture ({error}); scale it down.") from error
    except Exception as error:  # damaged bytes surface as many types inside Pillow's decoders
        raise ImageError(f"{path} is a damaged picture ({error}); save it again.") from error
    height, width = picture.pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(
            f"{path} is {width}x{height} pixels; at least {MIN_SIDE_PX}x{MIN_SIDE_PX} are needed."
        )
    return picture


def _decoded(path: Path, file: "Image") -> Picture:
    from PIL import ImageOps

    deep = deep_pixels(path, file)
    upright = ImageOps.exif_transpose(file)
    kept = kept_of(path, file, upright)
    if deep is not None:
        pixels, alpha = deep
    else:
        if upright.mode == "CMYK" and kept.profile:
            upright = cmyk_as_srgb(upright, kept.profile)
        pixels, alpha = _eight_bits(upright)
    if file.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        kept = kept.without_profile()  # it belonged to channels that are gone
    encoding = encoding_of(kept.profile, pixels.shape[-1], path) if kept.profile else None
    return Picture(pixels, alpha, encoding, kept)


def _eight_bits(picture: "Image") -> tuple[Pixels, Pixels | None]:
    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        pixels, alpha = np.array(picture)[..., :3], np.array(picture)[..., 3]
        # A transparent entry of a palette of greys, and L with tRNS, come through RGBA too.
        return np.ascontiguousarray(pixels[..., :1] if grey else pixels), alpha
    if grey:
        return np.array(picture.convert("L"))[..., None], None
    return np.array(picture.convert("RGB")), None


def _check_single(path: Path, file: "Image") -> None:
    """Refuse animations and several pages: one of them would be restored, the others lost."""
    # A phone's JPEG may carry depth or gain maps behind the photo (MPO).
    frames = 1 if file.format in ("JPEG", "MPO") else getattr(file, "n_frames", 1)
    if file.format == "TIFF" and frames > 1:
        frames = _full_pages(file, frames)
    if frames > 1:
        raise ImageError(
            f"{path} holds {frames} pictures (frames or pages), of which one would be restored "
            "and the others lost; save the one that is meant as a file of its own."
        )


def _full_pages(file: "Image", frames: int) -> int:
    """Return how many pages of a TIFF are more than a thumbnail or a mask of another."""
    full = 0
    for frame in range(frames):
        file.seek(frame)
        tags: dict[int, int] = getattr(file, "tag_v2", {})
        full += not tags.get(254, 0) & 0b101
    file.seek(0)
    return full


def _check_range(path: Path, file: "Image") -> None:
    """Refuse numbers whose black and white a file does not tell."""
    # Pillow's mode "I" is 32 bits; 16-bit PNG and PPM files may come as that, scaled to 65535.
    wide = file.mode == "I" and file.format not in ("PNG", "PPM")
    if file.mode == "F" or wide:
        kind = "floating-point numbers" if file.mode == "F" else "whole numbers of 32 bits"
        raise ImageError(
            f"{path} holds {kind}, and the file does not tell which of them is white; "
            "save it with 8 or 16 bits a channel."
        )

"""Photos as files: what networks see of them, and the result written back as the photo was."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .files import write_whole
from .images import check_finite, from_picture, is_grey, one_image, resize, to_unit
from .pictures.decoding import Picture, decode
from .pictures.encodings import Encoding, Values
from .pictures.formats import Format, format_of
from .pictures.writing import write_picture

logger = logging.getLogger(__name__)

_BAND_ROWS = 256

_CHANGED = 0.125
"""A pixel that moved by this, of black to white, keeps nothing of what sRGB cannot show of it."""


@dataclass(frozen=True, eq=False)
class PhotoFile:
    """A photo read from a file, with all that its result is to have in common with it.

    Attributes:
        path: The file.
        image: What networks see, `(1, 3, H, W)` in [-1, 1], sRGB, over white where transparent.
        picture: The file's own pixel values, profile and metadata.
    """

    path: Path
    image: Tensor
    picture: Picture

    def write(self, result: Tensor, path: Path | str) -> None:
        """Write a result as the photo was: depth, alpha, colour profile and metadata.

        Pixels that equal `image` get the file's own values, to the bit where the format has no
        loss. What the format cannot hold is converted, and a line in the log says so.

        Args:
            result: `(1, 3, H, W)` in [-1, 1], made from `image`; also of another size.
            path: Target; its ending chooses the format. The file appears whole or not at all.

        Raises:
            ImageError: The ending names no picture format.
        """
        path = Path(path)
        form = format_of(path)
        check_finite(result, "The picture to write")
        result = one_image(result).detach().cpu().float().clamp(-1, 1)
        canvas = _Canvas.of(self, form, result)
        self._say_what_is_lost(path, form, canvas)
        kept = self.picture.kept if canvas.own_colours else self.picture.kept.without_profile()
        kept = kept.sized(result.shape[-1], result.shape[-2])
        pixels = canvas.painted()
        write_whole(path, lambda temporary: write_picture(temporary, form, pixels, kept))

    def _say_what_is_lost(self, path: Path, form: Format, canvas: "_Canvas") -> None:
        lost: list[str] = []
        if self.picture.deep and not canvas.deep:
            lost.append("16 bits a channel become 8")
        if self.picture.alpha is not None and not form.alpha:
            lost.append("what was transparent is white")
        if self.picture.kept.profile and not canvas.own_colours:
            lost.append("colours are converted to sRGB")
        if lost:
            logger.warning("%s: as %s, %s.", path, form.name, " and ".join(lost))


def read_photo(path: Path | str) -> PhotoFile:
    """Read a photo that is to be written back as it was.

    Raises:
        ImageError: The file is missing, is no picture, holds several, or is smaller than 16x16.
    """
    picture = decode(path)
    return PhotoFile(Path(path), from_picture(picture), picture)


@dataclass(frozen=True, eq=False)
class _Canvas:
    """A result about to be written, in the terms of its file.

    Attributes:
        picture: What was read.
        seen: What networks saw of it, `(H, W, 3)` from 0 to 1; None where the result has another
            size, so that no pixel stays.
        result: Likewise, of the result.
        alpha: `(H, W)` from 0 to 1; None where none is written.
        channels: Of colour, 1 or 3.
        deep: Whether 16 bits are written.
        own_colours: Whether values keep the meaning that they had in the photo.
    """

    picture: Picture
    seen: Values | None
    result: Values
    alpha: Values | None
    channels: int
    deep: bool
    own_colours: bool

    @classmethod
    def of(cls, photo: PhotoFile, form: Format, result: Tensor) -> "_Canvas":
        """Decide how a result is written."""
        picture = photo.picture
        same = result.shape == photo.image.shape
        deep, alpha = picture.deep and form.deep, _alpha(picture, result) if form.alpha else None
        # Few readers know a TIFF of 16-bit grey with alpha; Pillow does not.
        unknown = form.name == "TIFF" and deep and alpha is not None
        channels = 1 if picture.grey and bool(is_grey(result)) and not unknown else 3
        # A grey photo's profile has one curve and says nothing of colours.
        own = channels == picture.pixels.shape[-1] and (form.profile or picture.encoding is None)
        return cls(
            picture=picture,
            seen=to_unit(photo.image)[0].numpy() if same else None,
            result=to_unit(result)[0].numpy(),
            alpha=alpha,
            channels=channels,
            deep=deep,
            own_colours=own,
        )

    @property
    def encoding(self) -> Encoding | None:
        """What the values written mean; None for sRGB."""
        return self.picture.encoding if self.own_colours else None

    def painted(self) -> NDArray[Any]:
        """Return the pixels to write, with alpha as the last channel where there is one."""
        height, width, _ = self.result.shape
        white, kind = (65535, np.uint16) if self.deep else (255, np.uint8)
        channels = self.channels + (self.alpha is not None)
        pixels = np.empty((height, width, channels), kind)
        for top in range(0, height, _BAND_ROWS):
            rows = slice(top, top + _BAND_ROWS)
            values = self._band(rows)
            pixels[rows, :, : self.channels] = (values * white).round().clip(0, white)
            if self.alpha is not None:
                pixels[rows, :, -1] = (self.alpha[rows] * white).round()
        return pixels

    def _band(self, rows: slice) -> Values:
        """Return the values of some rows, from 0 to 1."""
        result, alpha = self.result[rows], None if self.alpha is None else self.alpha[rows]
        if self.seen is None:
            return self._encoded(_uncovered(result, alpha, result))
        values = self._own(rows)
        moved = np.abs(result - self.seen[rows]).max(-1)
        changed = moved > 0
        if changed.any():
            before = self._shown(rows, changed)
            opaque = None if alpha is None else alpha[changed]
            after = _uncovered(result[changed], opaque, before)
            # What sRGB does not reach of a colour, and what converting there and back rounds, is
            # put back as far as the pixel is still the same.
            stays = (1 - moved[changed] / _CHANGED).clip(0, 1)[:, None]
            rest = values[changed] - self._encoded(before)
            values[changed] = self._encoded(after) + stays * rest
        return values

    def _own(self, rows: slice) -> Values:
        """Return the photo's own values in the terms of the result's file."""
        if self.own_colours and not self._flattened:
            return _unit(self.picture.pixels[rows])
        return self._encoded(self._shown(rows))

    def _shown(self, rows: slice, where: Any = ...) -> Values:
        """Return the photo's sRGB colours in some rows, those under its alpha if that is written.

        Args:
            rows: Which rows.
            where: Which pixels of them, a mask; all by default.
        """
        if self._flattened and self.seen is not None:
            return self.seen[rows][where]
        pixels, encoding = self.picture.pixels[rows][where], self.picture.encoding
        if encoding is None:
            return np.repeat(_unit(pixels), 3 // pixels.shape[-1], -1)
        colours = encoding.decode(pixels.reshape(-1, pixels.shape[-1]))
        return colours.reshape(*pixels.shape[:-1], 3)

    @property
    def _flattened(self) -> bool:
        """Whether the photo has an alpha that the file cannot hold."""
        return self.alpha is None and self.picture.alpha is not None

    def _encoded(self, colours: Values) -> Values:
        """Return colours `(..., 3)` as values `(..., C)` of the file."""
        encoding = self.encoding
        if encoding is None:
            return colours if self.channels == 3 else colours.mean(-1, keepdims=True)
        values = encoding.encode(colours.reshape(-1, 3))
        return values.reshape(*colours.shape[:-1], values.shape[-1])


def _unit(pixels: NDArray[Any]) -> Values:
    """Return a file's numbers from 0 to 1."""
    return np.asarray(pixels / np.float32(np.iinfo(pixels.dtype).max), dtype=np.float32)


def _uncovered(colours: Values, alpha: Values | None, hidden: Values) -> Values:
    """Return what gives these colours when it is laid over white.

    Args:
        colours: `(..., 3)` from 0 to 1.
        alpha: `(...)` from 0 to 1; None where nothing is transparent.
        hidden: What to return where nothing of it is seen, `(..., 3)`.
    """
    if alpha is None:
        return colours
    opaque = alpha[..., None]
    found = 1 - (1 - colours) / np.maximum(opaque, np.float32(1e-6))
    return np.where(opaque > 0, found.clip(0, 1), hidden)


def _alpha(picture: Picture, result: Tensor) -> Values | None:
    if picture.alpha is None:
        return None
    alpha = torch.from_numpy(_unit(picture.alpha))
    height, width = result.shape[-2:]
    return resize(alpha[None, None], height, width).clamp(0, 1)[0, 0].numpy()

"""Labelled pictures in a row: what a person looks at after `pdgrad demo`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from .errors import InvalidInputError
from .images import resize, to_pil

if TYPE_CHECKING:
    from PIL import Image, ImageFont

_GAP_PX = 12
_INK = (32, 32, 36)
_PALE = (110, 110, 118)


@dataclass(frozen=True)
class Labelled:
    """A picture with what stands above and below it.

    Attributes:
        image: `(1, 3, H, W)` in [-1, 1].
        title: Above the picture.
        notes: Lines below it.
    """

    image: Tensor
    title: str
    notes: tuple[str, ...] = ()


def lay_out(pictures: Sequence[Labelled], side_px: int = 256) -> "Image.Image":
    """Lay labelled pictures out in a row on white.

    Args:
        pictures: From left to right.
        side_px: Height that each picture is enlarged to, smoothly.

    Returns:
        A Pillow picture.

    Raises:
        InvalidInputError: There is no picture.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not pictures:
        raise InvalidInputError("A sheet needs at least one picture, not none.")
    large = ImageFont.load_default(max(11, side_px // 15))
    small = ImageFont.load_default(max(10, side_px // 19))
    tiles = [to_pil(_enlarged(picture.image, side_px)) for picture in pictures]
    head, line = _line_px(large), _line_px(small)
    foot = line * max(len(picture.notes) for picture in pictures)
    width = _GAP_PX + sum(tile.width + _GAP_PX for tile in tiles)
    height = head + side_px + foot + 2 * _GAP_PX
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    x = _GAP_PX
    for picture, tile in zip(pictures, tiles, strict=True):
        draw.text((x, _GAP_PX // 2), picture.title, fill=_INK, font=large)
        sheet.paste(tile, (x, head + _GAP_PX // 2))
        y = head + side_px + _GAP_PX
        for number, note in enumerate(picture.notes):
            draw.text((x, y + number * line), note, fill=_PALE, font=small)
        x += tile.width + _GAP_PX
    return sheet


def _enlarged(image: Tensor, side_px: int) -> Tensor:
    height, width = image.shape[-2:]
    return resize(image, side_px, round(width * side_px / height), "bicubic")


def _line_px(font: "ImageFont.ImageFont | ImageFont.FreeTypeFont") -> int:
    _, top, _, bottom = font.getbbox("Ag|")
    return round(1.4 * (bottom - top))

"""What some recipes take besides photos: masks and colours."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ..losses.color_statistics import ColorStatistics


def add_hint_options(parser: argparse.ArgumentParser) -> None:
    """Add --mask and --color-style."""
    group = parser.add_argument_group("holes and colours (recipes that take them)")
    group.add_argument(
        "--mask", type=Path, action="append", metavar="FILE",
        help="black-and-white picture of the photo's size, white where it is missing; "
        "once per PHOTO",
    )  # fmt: skip
    group.add_argument(
        "--color-style", type=Path, metavar="DIR",
        help="folder of pictures, or one picture, whose colours a grey photo shall get",
    )  # fmt: skip


def load_masks(paths: Sequence[Path] | None, photos: "Sequence[Tensor]") -> "list[Tensor | None]":
    """Return each photo's mask `(1, 1, H, W)` of 0 and 1, or None.

    Raises:
        InvalidInputError: There are not as many masks as photos, or a mask cannot be used.
        ImageError: A file is missing or no picture.
    """
    from ..errors import InvalidInputError
    from ..images import load_image
    from ..masks import check_mask

    if not paths:
        return [None] * len(photos)
    if len(paths) != len(photos):
        raise InvalidInputError(
            f"--mask is given {len(paths)} times for {len(photos)} photos; give it once for each."
        )
    masks: list[Tensor | None] = []
    for path, photo in zip(paths, photos, strict=True):
        white = (load_image(path).mean(1, keepdim=True) + 1) / 2
        try:
            masks.append(check_mask(white, photo.shape[-2], photo.shape[-1]))
        except InvalidInputError as error:
            raise InvalidInputError(f"{path.name}: {error}") from error
    return masks


def load_color_style(path: Path | None) -> "ColorStatistics | None":
    """Return the average colours of a folder's pictures, or None without a folder.

    Raises:
        InvalidInputError: There is no picture, or one is grey.
        ImageError: A file is no picture.
    """
    from ..errors import InvalidInputError
    from ..images import load_image
    from ..losses.color_statistics import ColorStatistics
    from ..pictures.formats import pictures_in

    if path is None:
        return None
    files = [path] if path.is_file() else pictures_in(path)
    if not files:
        raise InvalidInputError(
            f"--color-style needs a folder with pictures, but there is none in {path}."
        )
    return ColorStatistics.of([load_image(file) for file in files], [file.name for file in files])

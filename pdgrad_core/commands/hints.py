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


def check_masks(paths: Sequence[Path] | None, photos: Sequence[Path]) -> None:
    """Raise InvalidInputError unless there is a mask for each photo, or none at all."""
    from ..errors import InvalidInputError

    if paths and len(paths) != len(photos):
        raise InvalidInputError(
            f"--mask is given {len(paths)} times for {len(photos)} photos; give it once for each."
        )


def load_mask(paths: Sequence[Path] | None, number: int, photo: "Tensor") -> "Tensor | None":
    """Return a photo's mask `(1, 1, H, W)` of 0 and 1, or None.

    Args:
        paths: The masks of all photos, if any.
        number: Of the photo.
        photo: `(1, 3, H, W)`.

    Raises:
        InvalidInputError: The mask cannot be used for this photo.
        ImageError: The file is missing or no picture.
    """
    from ..errors import InvalidInputError
    from ..images import load_image
    from ..masks import check_mask

    if not paths:
        return None
    white = (load_image(paths[number]).mean(1, keepdim=True) + 1) / 2
    try:
        return check_mask(white, photo.shape[-2], photo.shape[-1])
    except InvalidInputError as error:
        raise InvalidInputError(f"{paths[number].name}: {error}") from error


def load_color_style(path: Path | None) -> "ColorStatistics | None":
    """Return the average colours of a folder's pictures, or None without a folder.

    Raises:
        InvalidInputError: There is no picture, or one is grey.
        ImageError: A file is no picture.
    """
    from ..errors import InvalidInputError
    from ..images import load_image
    from ..losses.color_statistics import ColorStatistics

    if path is None:
        return None
    files = style_files(path)
    if not files:
        raise InvalidInputError(
            f"--color-style needs a folder with pictures, but there is none in {path}."
        )
    return ColorStatistics.of([load_image(file) for file in files], [file.name for file in files])


def style_files(path: Path) -> list[Path]:
    """Return the pictures of a style: a file, or those of a folder, by name."""
    from ..pictures.formats import pictures_in

    return [path] if path.is_file() else pictures_in(path)

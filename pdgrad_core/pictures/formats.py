"""Which picture formats are read and written, and what each of them can hold."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError


@dataclass(frozen=True)
class Format:
    """A picture format.

    Attributes:
        name: Pillow's name for it.
        deep: Whether it can hold 16 bits a channel.
        alpha: Whether it can hold an alpha channel.
        profile: Whether it can hold a colour profile, and metadata beside it.
    """

    name: str
    deep: bool = False
    alpha: bool = False
    profile: bool = False


FORMATS = {
    one.name: one
    for one in (
        Format("PNG", deep=True, alpha=True, profile=True),
        Format("JPEG", profile=True),
        Format("WEBP", alpha=True, profile=True),
        Format("TIFF", deep=True, alpha=True, profile=True),
        Format("AVIF", alpha=True, profile=True),
        Format("BMP"),
        Format("GIF"),
        Format("PPM"),
        Format("JPEG2000", alpha=True),
    )
}
"""The formats by name. Pillow knows more, some of which run other programs: an EPS file, whatever
its name, would start Ghostscript (python-pillow/Pillow#7391)."""


def readable_formats() -> list[str]:
    """Return the names of those formats that this installation of Pillow reads."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def format_of(path: Path | str) -> Format:
    """Return the format that a file's name stands for.

    Raises:
        ImageError: The ending names no picture format that can be written.
    """
    from PIL import Image

    suffix = Path(path).suffix.lower()
    name = Image.registered_extensions().get(suffix)
    if name not in FORMATS or name not in Image.SAVE:
        raise ImageError(
            f"{path} must end in a picture format's name such as .png or .jpg, not {suffix!r}."
        )
    return FORMATS[name]


def pictures_in(folder: Path) -> list[Path]:
    """Return the picture files of a folder, by name; none where there is no such folder.

    Hidden files are left out: beside x.png, macOS may leave a "._x.png" that is no picture.
    """
    from PIL import Image

    if not folder.is_dir():
        return []
    known = {end for end, name in Image.registered_extensions().items() if name in FORMATS}
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in known and not path.name.startswith(".") and path.is_file()
    )

"""Where a command's pictures go: into the file that was named, or into a folder."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import InvalidInputError


def picture_path(out: Path, stem: str) -> Path:
    """Return where one picture goes: `out`, or, where that is a folder, STEM.png in it.

    Args:
        out: What --out says. A folder that is there is a folder, whatever its name ends in.
        stem: Of what the picture is made from.

    Raises:
        ImageError: The ending names no picture format that can be written.
    """
    from ..images import check_image_name

    path = out / f"{stem}.png" if out.is_dir() else out
    check_image_name(path)
    return path


def picture_paths(out: Path, photos: Sequence[Path]) -> list[Path]:
    """Return where the result of each photo goes: of several, into the folder `out`.

    Raises:
        ImageError: The ending names no picture format that can be written.
        InvalidInputError: Two results would have one name, or `out` names a picture for several.
    """
    if len(photos) == 1:
        return [picture_path(out, photos[0].stem)]
    if not out.is_dir() and _names_a_picture(out):
        raise InvalidInputError(f"For {len(photos)} photos --out must be a folder, not {out}.")
    first: dict[str, Path] = {}
    for photo in photos:
        # Other systems do not tell cases apart, and results travel.
        earlier = first.setdefault(photo.stem.casefold(), photo)
        if earlier is not photo:
            raise InvalidInputError(
                f"{earlier} and {photo} have the same name, so their results would collide; "
                "rename one, or restore them one after the other."
            )
    return [out / f"{photo.stem}.png" for photo in photos]


def _names_a_picture(path: Path) -> bool:
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions()

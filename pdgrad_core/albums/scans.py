"""An album's photos, and where their results go."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InvalidInputError
from ..pictures.formats import pictures_in

STAGED = ".staged"
"""Results that are written, before they are put in place."""


def photos_of(folder: Path) -> list[str]:
    """Return the photos of a folder and those below it, by path within it, with "/".

    Raises:
        InvalidInputError: There is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is no folder; give the folder that holds the photos.")
    found = [path.relative_to(folder).as_posix() for path in _below(folder)]
    if not found:
        raise InvalidInputError(f"There is no picture in {folder}.")
    return found


def _below(folder: Path) -> Iterator[Path]:
    yield from pictures_in(folder)
    for one in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not one.name.startswith("."):
            yield from _below(one)


def result_names(photos: Sequence[str]) -> dict[str, str]:
    """Return where each photo's result goes within the results' folder.

    It has the photo's name and ends in .png, which loses nothing; photos that differ in their
    endings alone keep these too ("a.jpg.png").
    """
    names = {photo: Path(photo).with_suffix(".png").as_posix() for photo in photos}
    count: dict[str, int] = {}
    for name in names.values():
        # Other systems do not tell cases apart, and results travel.
        count[name.casefold()] = count.get(name.casefold(), 0) + 1
    return {
        photo: name if count[name.casefold()] == 1 else f"{photo}.png"
        for photo, name in names.items()
    }


def check_folders(scans: Path, people: Path | None, out: Path) -> None:
    """Refuse results that would lie among what is read.

    Raises:
        InvalidInputError: A folder is, or lies in, another one.
    """
    target = out.resolve()
    for source, option in ((scans, "the album's own folder"), (people, "--people")):
        if source is None:
            continue
        own = source.resolve()
        if target == own or own in target.parents or target in own.parents:
            raise InvalidInputError(
                f"--out {out} and {option} ({source}) lie in each other, so that results would be "
                "taken for photos; choose a folder beside them."
            )
    if people is not None and _within(people.resolve(), scans.resolve()):
        raise InvalidInputError(
            f"--people {people} lies in the album {scans}, so that the references would be "
            "restored too; keep it beside the album."
        )


def _within(one: Path, other: Path) -> bool:
    return one == other or other in one.parents

"""A folder of people: a folder per person, or one picture named for them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from ..alignment.align import AlignedFace
from ..errors import InvalidInputError
from ..images import load_image
from ..people import Person, Recognizer, ReferencePhoto, check_people, person_from, portraits_of
from ..pictures.formats import pictures_in
from ..weights.integrity import sha256_of


def person_files(folder: Path) -> list[tuple[str, list[Path]]]:
    """Return the names of the people with their pictures.

    Args:
        folder: Holds `NAME/*.jpg`, or `NAME.jpg`.

    Raises:
        InvalidInputError: There is no such folder, nobody in it, or a person without a picture.
    """
    if not folder.is_dir():
        raise InvalidInputError(
            f"{folder} is no folder; give a folder that has one folder per person in it."
        )
    found = [(path.stem, [path]) for path in pictures_in(folder)]
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        if below.name.startswith("."):
            continue
        pictures = pictures_in(below)
        if not pictures:
            raise InvalidInputError(
                f"{below} holds no picture; put a good photo of {below.name} there, or take the "
                "folder away."
            )
        found.append((below.name, pictures))
    if not found:
        raise InvalidInputError(
            f"There is nobody in {folder}; make a folder per person, with good photos in it."
        )
    return found


def read_people(
    folder: Path,
    find: Callable[[Tensor], Sequence[AlignedFace]],
    recognizer: Recognizer,
) -> list[Person]:
    """Return the people of a folder, by name.

    Args:
        folder: See `person_files`.
        find: Finds all faces of a photo.
        recognizer: Embeds them.

    Raises:
        InvalidInputError: See `person_files`; two people of one name; references without a face or
            with several.
    """
    people: list[Person] = []
    wrong: list[str] = []
    for name, paths in sorted(person_files(folder)):
        photos = [ReferencePhoto(str(path.relative_to(folder)), partial(load_image, path),
                                 sha256_of(path)) for path in paths]  # fmt: skip
        try:
            portraits = portraits_of(photos, lambda _, photo: find(photo), recognizer)
        except InvalidInputError as error:
            wrong.append(str(error))
            continue
        people.append(person_from(name, portraits))
    if wrong:
        raise InvalidInputError(" ".join(wrong))
    check_people(people)
    return people

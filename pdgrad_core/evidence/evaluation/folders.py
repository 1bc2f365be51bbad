"""Which pictures belong together: truth, degraded picture and references, found by their names.

Public sets lie in folders in many ways; `references_of` says which are understood.
"""

import filecmp
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InvalidInputError
from ...pictures.formats import pictures_in

_NUMBERED = re.compile(r"^(?P<person>.+)[_-]\d+$")


@dataclass(frozen=True)
class Case:
    """One picture to be restored, with what belongs to it.

    Attributes:
        name: Its path within its folder, without the ending: the results' name.
        person: Who it is, as far as names tell; pictures of one person are no independent evidence.
        truth: The undegraded picture; None where there is none.
        degraded: The degraded picture; None where it is made of the truth.
        references: Other pictures of the person; what is the picture itself is left out.
    """

    name: str
    person: str
    truth: Path | None
    degraded: Path | None
    references: tuple[Path, ...]


def find_cases(
    truth: Path | None, degraded: Path | None, references: Path | None, most: int | None = None
) -> list[Case]:
    """Return the cases of an evaluation, by name.

    Args:
        truth: Folder of undegraded pictures; None where there are none.
        degraded: Folder of degraded pictures of the same names; None to degrade the truth.
        references: Folder of references; None for recipes that take none.
        most: References of a case, at most; None for all.

    Raises:
        InvalidInputError: A folder holds no picture, a truth is missing, or a reference.
    """
    leading = degraded or truth
    if leading is None:
        raise InvalidInputError("An evaluation needs a folder of degraded or of true pictures.")
    named, truths = _by_name(leading), _by_name(truth) if truth else {}
    known = _by_name(references) if references else {}
    cases: list[Case] = []
    for name, path in named.items():
        if truth is not None and name not in truths:
            raise InvalidInputError(
                f"{path} has no truth: {truth} has no picture named {name!r}. Leave the truth out "
                "for metrics that need none, or give every picture its own."
            )
        original = truths.get(name)
        found = references_of(name, known) if references else []
        own = [one for one in (path, original) if one is not None]
        others = [one for one in found if not any(filecmp.cmp(one, my, False) for my in own)]
        if references is not None and not others:
            raise InvalidInputError(
                f"{path} has no reference in {references}: expected {name}.png, a folder {name}, "
                f"or one of its person, {person_of(name)!r}."
            )
        given = path if degraded else None
        cases.append(Case(name, person_of(name), original, given, tuple(others[:most])))
    return cases


def person_of(name: str) -> str:
    """Return who a picture shows: its folder, or its name up to a number at the end.

    Args:
        name: Path within its folder, without the ending, such as "Ann_Lee/Ann_Lee_0002" or "17_3".
    """
    folder, _, stem = name.rpartition("/")
    if folder:
        return folder
    match = _NUMBERED.match(stem)
    return match["person"] if match else stem


def references_of(name: str, known: dict[str, Path]) -> list[Path]:
    """Return the references of a picture, the first of these that is there.

    1. `NAME/...`, a folder of its own, with one or several;
    2. `NAME.png`, one of its own, whatever the ending;
    3. `PERSON/...`, a folder of the person;
    4. `PERSON.png`, or `PERSON_1.png`, `PERSON_2.png`, ...

    Args:
        name: The picture's path within its folder, without the ending.
        known: The references by theirs.
    """
    person, stem = person_of(name), name.rpartition("/")[2]
    for own in dict.fromkeys((name, stem)):
        inside = _inside(own, known)
        if inside:
            return inside
        if own in known:
            return [known[own]]
    inside = _inside(person, known)
    return inside or [path for other, path in known.items() if person_of(other) == person]


def _inside(folder: str, known: dict[str, Path]) -> list[Path]:
    return [path for name, path in known.items() if name.startswith(f"{folder}/")]


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder and those below it, by their paths without endings."""
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is no folder; give the folder that holds the pictures.")
    found: dict[str, Path] = {}
    for path in _pictures(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise InvalidInputError(
                f"{found[name]} and {path} have one name; an evaluation tells pictures by it."
            )
        found[name] = path
    if not found:
        raise InvalidInputError(f"There is no picture in {folder}.")
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    yield from pictures_in(folder)
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not below.name.startswith("."):
            yield from _pictures(below)


def by_references(cases: Sequence[Case], batch: int) -> list[list[Case]]:
    """Return the cases in batches; those of one batch have equally many references.

    Args:
        cases: In any order.
        batch: Cases of a batch, at most.
    """
    groups: dict[int, list[Case]] = {}
    for case in cases:
        groups.setdefault(len(case.references), []).append(case)
    return [
        group[start : start + batch]
        for group in groups.values()
        for start in range(0, len(group), batch)
    ]

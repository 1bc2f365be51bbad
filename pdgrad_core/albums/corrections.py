"""Who is who as a text file that the user corrects, and that is read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ImageError, InvalidInputError
from ..files import write_whole
from ..people import Person
from ..people.matching import AUTO, LEAVE, UNKNOWN
from ..people.person import folded
from .face_reader import face_of, middle_of
from .work_list import Record, WorkList

FILE = "people.txt"

_HEAD = f"""# Who is who. Correct the third column, and call the command again: only what changes is
# redone. There: a name; {UNKNOWN} for nobody known; {LEAVE} to leave the face alone; {AUTO} to take
# a correction back. Faces are numbered from the left, as on the contact sheet. Tabs part columns.
# photo\tface\tperson\thow sure
"""


def write_corrections(out: Path, records: Sequence[Record]) -> Path:
    """Write the file with a line for each face, and return it."""
    lines = [
        "\t".join([record.path, str(number), name_of(row), f"# {said_of(row)}"])
        for record in records
        for number, row in enumerate(record.look)
    ]
    text = _HEAD + "\n".join(lines) + "\n"
    path = out / FILE

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)
    return path


def name_of(row: dict[str, Any]) -> str:
    """Return what stands for a face: a name, or a sign."""
    return LEAVE if row["leave"] else str(row["name"]) or UNKNOWN


def said_of(row: dict[str, Any]) -> str:
    """Return how sure it is who a face is, in words."""
    if row["by_hand"]:
        return "as you said"
    if not row["nearest"]:
        return f"cosine {row['similarity']:.2f}"
    if not row["name"]:
        return f"nearest is {row['nearest']}, cosine {row['similarity']:.2f}"
    return f"cosine {row['similarity']:.2f}, {row['margin']:+.2f} before {row['nearest']}"


def read_corrections(out: Path, work: WorkList, people: Sequence[Person]) -> int:
    """Keep what the user changed in the file, if it is there, and return how many faces.

    Args:
        out: The results' folder.
        work: The work list, which knows what was written.
        people: Whose names may stand there.

    Raises:
        InvalidInputError: A line is not understood, or names nobody known.
    """
    path = out / FILE
    if not path.is_file():
        return 0
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path} cannot be read as text ({error}).") from error
    known = {folded(person.name) for person in people} | {UNKNOWN, LEAVE, AUTO}
    changed = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split("\t")
        where = f"Line {number} of {path}"
        if len(columns) < 3 or not columns[1].strip().isdecimal():
            raise InvalidInputError(
                f"{where} is not PHOTO, FACE and PERSON with tabs between them: {line!r}."
            )
        name = columns[2].strip()
        if folded(name) not in known:
            raise InvalidInputError(
                f"{where} names {name!r}, who is nobody known; write one of the people's names, "
                f"{UNKNOWN}, {LEAVE} or {AUTO}."
            )
        changed += _kept(work, columns[0], int(columns[1]), name)
    return changed


def _kept(work: WorkList, path: str, number: int, name: str) -> bool:
    """Keep a line if it says something else than was written, and return whether it does."""
    record = work.record(path)
    if number >= len(record.look):
        # The photo is another one by now, or has gone: nothing is known of that face.
        return False
    row = record.look[number]
    if folded(name_of(row)) == folded(name):
        return False
    x, y, near = middle_of(face_of(row))
    work.say(path, x, y, "" if folded(name) == AUTO else name, near)
    return True

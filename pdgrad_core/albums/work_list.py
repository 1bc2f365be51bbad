"""The one truth of an album: a record of each photo, in an SQLite file beside the results."""

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import InvalidInputError, WriteError

FILE = "album.sqlite"

VERSION = 1
"""Of the tables; another version's list is refused rather than misread."""

State = Literal["new", "ready", "done", "no face", "left alone", "failed"]

_TABLES = """
CREATE TABLE meta (version INTEGER NOT NULL);
CREATE TABLE photos (
    path TEXT PRIMARY KEY, state TEXT NOT NULL, file TEXT NOT NULL, look_digest TEXT NOT NULL,
    look TEXT NOT NULL, done_digest TEXT NOT NULL, seconds REAL NOT NULL, error TEXT NOT NULL,
    times INTEGER NOT NULL
);
CREATE TABLE pictures (path TEXT, kind TEXT, data BLOB NOT NULL, PRIMARY KEY (path, kind));
CREATE TABLE said (path TEXT, x REAL, y REAL, name TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Record:
    """What is known of one photo.

    Attributes:
        path: Within the album's folder, with "/".
        state: "new"; "ready": its result is written, and has to be put in place; "done"; "no
            face"; "left alone": all of its faces; "failed".
        file: Digest of the photo's file.
        look_digest: Of all that the look depends on.
        look: The faces and who they are; see `Look`.
        done_digest: Of all that the result depends on; empty while there is none.
        seconds: Time of its restoration.
        error: Why it failed.
        times: How often it has been restored.
    """

    path: str
    state: State = "new"
    file: str = ""
    look_digest: str = ""
    look: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    done_digest: str = ""
    seconds: float = 0.0
    error: str = ""
    times: int = 0


class WorkList:
    """An open work list; no other program can open it meanwhile.

    Args:
        folder: Of the results; made if needed.

    Raises:
        InvalidInputError: The file is no work list, or another version's.
        WriteError: Another program works on this album, or nothing can be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{folder} cannot hold an album ({error.strerror}).") from error
        try:
            self._base = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise self._refused(error) from error
        try:
            # The system takes the lock back when the program ends, however it ends.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("BEGIN EXCLUSIVE")
            self._open()
        except (sqlite3.DatabaseError, InvalidInputError) as error:
            self.close()
            raise self._refused(error) from error

    def _open(self) -> None:
        tables = {row[0] for row in self._base.execute("SELECT name FROM sqlite_master")}
        if not tables:
            for statement in filter(str.strip, _TABLES.split(";")):
                self._base.execute(statement)
            self._base.execute("INSERT INTO meta VALUES (?)", (VERSION,))
        elif "meta" not in tables:
            raise InvalidInputError(f"{self.path} is no work list of an album; move it away.")
        self._base.execute("COMMIT")
        (found,) = self._base.execute("SELECT version FROM meta").fetchone()
        if found != VERSION:
            raise InvalidInputError(
                f"{self.path} is the work list of another version ({found}, not {VERSION}); choose "
                "another folder for the results, or move it away to begin again."
            )

    def _refused(self, error: Exception) -> Exception:
        if isinstance(error, InvalidInputError):
            return error
        if "locked" in str(error):
            return WriteError(
                f"Another program works on the album {self.path.parent}; wait for it, or end it."
            )
        if isinstance(error, sqlite3.OperationalError):
            return WriteError(f"{self.path} cannot be written ({error}).")
        return InvalidInputError(
            f"{self.path} is no work list of an album ({error}); move it away."
        )

    def close(self) -> None:
        """Close the file; others may open it."""
        self._base.close()

    @contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            yield
            self._base.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise WriteError(f"{self.path} cannot be written ({error}).") from error

    def record(self, path: str) -> Record:
        """Return what is known of a photo; a new record where it is not known."""
        row = self._base.execute("SELECT * FROM photos WHERE path = ?", (path,)).fetchone()
        return Record(path) if row is None else _record(row)

    def records(self) -> list[Record]:
        """Return everything, by path."""
        return [_record(row) for row in self._base.execute("SELECT * FROM photos ORDER BY path")]

    def put(self, record: Record, **pictures: bytes) -> Record:
        """Write a record, and small pictures of the photo, all at once.

        Args:
            record: Replaces what was known of its photo.
            **pictures: JPEG bytes by kind: "before", "after", "face0", ...
        """
        values = (
            *(record.path, record.state, record.file, record.look_digest, json.dumps(record.look)),
            *(record.done_digest, record.seconds, record.error, record.times),
        )
        with self._transaction():
            self._base.execute(f"REPLACE INTO photos VALUES ({', '.join('?' * 9)})", values)
            for kind, data in pictures.items():
                self._base.execute(
                    "REPLACE INTO pictures VALUES (?, ?, ?)", (record.path, kind, data)
                )
        return record

    def change(self, path: str, **values: Any) -> Record:
        """Write some fields of a photo's record."""
        return self.put(replace(self.record(path), **values))

    def picture(self, path: str, kind: str) -> bytes | None:
        """Return a small picture of a photo."""
        row = self._base.execute(
            "SELECT data FROM pictures WHERE path = ? AND kind = ?", (path, kind)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def say(self, path: str, x: float, y: float, name: str, near: float) -> None:
        """Keep what the user said of the face at a place; an empty name takes it back.

        Args:
            path: Of the photo.
            x: Of the face's middle, px.
            y: Likewise.
            name: As the user wrote it.
            near: What was said within so many pixels is replaced.
        """
        with self._transaction():
            self._base.execute(
                "DELETE FROM said WHERE path = ? AND (x - ?) * (x - ?) + (y - ?) * (y - ?) < ?",
                (path, x, x, y, y, near * near),
            )
            if name:
                self._base.execute("INSERT INTO said VALUES (?, ?, ?, ?)", (path, x, y, name))

    def said(self, path: str) -> list[tuple[float, float, str]]:
        """Return where the user said who is who on a photo."""
        rows: Sequence[tuple[float, float, str]] = self._base.execute(
            "SELECT x, y, name FROM said WHERE path = ? ORDER BY x, y", (path,)
        ).fetchall()
        return list(rows)


def _record(row: Sequence[Any]) -> Record:
    values = list(row)
    values[4] = json.loads(values[4])
    return Record(*values)

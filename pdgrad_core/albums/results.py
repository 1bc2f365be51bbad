"""The results of an album: what each depends on, and how it comes into its place."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..alignment.paste_settings import PasteSettings
from ..people import Person
from ..settings import Settings
from .choices import digest_of
from .scans import STAGED
from .tasks import Facts, Restored, RestoreTask
from .work_list import Record, WorkList

TEMPORARY = (".people-????????.txt", ".people-*-????????.png", ".album-????????.html")
"""What `write_whole` calls the files beside the results while it writes them."""


@dataclass(frozen=True, eq=False)
class Results:
    """Knows which photos have to be restored, and puts what was restored in place.

    Attributes:
        scans: The album's folder.
        out: The results' folder.
        names: Where each photo's result goes within it.
        work: The work list.
        facts: Of the models.
        settings: The method.
        pasting: How faces are laid back.
        people: Whose references guide.
        leave_unknown: Whether faces of nobody known are left alone.
    """

    scans: Path
    out: Path
    names: dict[str, str]
    work: WorkList
    facts: Facts
    settings: Settings
    pasting: PasteSettings
    people: Sequence[Person]
    leave_unknown: bool

    @cached_property
    def _shared(self) -> str:
        """Digest of what every photo's result depends on."""
        row = self.settings.resolved()
        values = [row.name, row.values(), self.settings.seed, self.facts.precision]
        return digest_of([values, vars(self.pasting), self.facts.networks])

    @cached_property
    def _by_name(self) -> dict[str, Person]:
        return {person.name: person for person in self.people}

    def chosen(self, record: Record) -> list[dict[str, Any]]:
        """Return the faces of a photo that are to be restored."""
        return [
            row
            for row in record.look
            if not row["leave"] and (row["name"] or not self.leave_unknown)
        ]

    def digest(self, record: Record) -> str:
        """Return the digest of all that a photo's result depends on."""
        faces = [
            [row["landmarks"], row["name"], row["weights"], self._references(row)]
            for row in self.chosen(record)
        ]
        return digest_of([self._shared, record.file, faces, self.names[record.path]])

    def _references(self, row: dict[str, Any]) -> list[str]:
        person = self._by_name.get(row["name"])
        return [] if person is None else [one.digest for one in person.portraits]

    def task(self, record: Record) -> RestoreTask:
        """Return what has to be restored of a photo."""
        path = record.path
        return RestoreTask(path, self.scans / path, self.chosen(record), self.staged(path))

    def failed(self, path: str, error: str) -> Record:
        """Record that a photo could not be done."""
        return self.work.change(path, state="failed", error=error, done_digest="")

    def keep(self, done: Restored, digest: str) -> Record:
        """Record a result that is written beside its place, and only then put it in place.

        Args:
            done: The result.
            digest: Of all that it depends on.
        """
        if done.error:
            return self.failed(done.path, done.error)
        record = self.work.record(done.path)
        record = replace(
            record,
            state="ready",
            done_digest=digest,
            seconds=done.seconds,
            error="",
            times=record.times + 1,
        )
        self.work.put(record, **done.previews)
        return self.put_in_place(record)

    def staged(self, path: str) -> Path:
        """Return where a photo's result is written first."""
        return self.out / STAGED / self.names[path]

    def put_in_place(self, record: Record) -> Record:
        """Move a result that is written to its place, if that has not been done."""
        staged, place = self.staged(record.path), self.out / self.names[record.path]
        if staged.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(place)
        return self.work.put(replace(record, state="done"))

    def recover(self) -> None:
        """Finish what an interruption left: results that are written are put in place.

        What was being written is removed; nothing points to it.
        """
        for record in self.work.records():
            if record.state == "ready" and record.path in self.names:
                self.put_in_place(record)
        self.clear()

    def clear(self) -> None:
        """Remove what an interruption left half-written; nothing is being written now."""
        shutil.rmtree(self.out / STAGED, ignore_errors=True)
        for name in TEMPORARY:
            for left in self.out.glob(name):
                left.unlink(missing_ok=True)

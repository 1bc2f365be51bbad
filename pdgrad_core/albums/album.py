"""An album from its photos to its results: looked at, restored, reported; continued at any time."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..people import Person
from .contact_sheet import write_contact_sheet
from .corrections import read_corrections, write_corrections
from .looking import Looker
from .progress import Progress
from .report import write_report
from .restoring import OF_ONE, PhotoRestorer, Waiting
from .work_list import Record, WorkList


@dataclass(frozen=True)
class AlbumResult:
    """What became of an album.

    Attributes:
        records: Of its photos, by path.
        restored: How many photos were restored in this run.
        kept: How many had their result already.
        to_do: How many would be restored, in a dry run.
        files: What was written beside the results.
    """

    records: list[Record]
    restored: int
    kept: int
    to_do: int
    files: list[Path]

    @property
    def failed(self) -> list[Record]:
        """Photos that could not be done."""
        return [record for record in self.records if record.state == "failed"]


@dataclass(frozen=True, eq=False)
class Album:
    """An album that is worked on.

    Attributes:
        out: The results' folder.
        photos: Paths within the album.
        people: Whom faces are compared with.
        work: The work list.
        looker: Finds faces, and who they are.
        restorer: Restores them.
        tell: Called after each photo.
    """

    out: Path
    photos: Sequence[str]
    people: Sequence[Person]
    work: WorkList
    looker: Looker
    restorer: PhotoRestorer
    tell: Callable[[Progress], None] = field(default=lambda _: None, repr=False)

    def run(self, dry: bool = False) -> AlbumResult:
        """Restore what is not done yet.

        Args:
            dry: Only look at the photos, and write who is who.

        Raises:
            PDGradError: What would meet every photo: a missing network, a full disk, people or
                corrections that cannot be used. What lies in one photo is recorded.
        """
        self.restorer.recover()
        read_corrections(self.out, self.work, self.people)
        counts = _Counts(len(self.photos))
        batch: list[Waiting] = []
        for record in self._looked_at(counts, dry):
            if dry or not self._is_to_do(record, counts):
                continue
            try:
                one = self.restorer.waiting(record)
            except OF_ONE as error:
                self._tell(counts, self.restorer.failed(record.path, error))
                continue
            if batch and self._faces(batch) + len(one.rows) > self.restorer.faces_at_once:
                self._restore(batch, counts)
                batch = []
            batch.append(one)
        if batch:
            self._restore(batch, counts)
        return self._finish(counts, dry)

    def _looked_at(self, counts: "_Counts", dry: bool) -> Iterator[Record]:
        for path in self.photos:
            try:
                record = self.looker.look(path)
            except OF_ONE as error:
                self._tell(counts, self.restorer.failed(path, error))
                continue
            if dry:
                counts.to_do += self._is_to_do(record, _Counts(0), write=False)
                self._tell(counts, record)
            yield record

    def _is_to_do(self, record: Record, counts: "_Counts", write: bool = True) -> bool:
        """Return whether a photo has to be restored; record it where there is nothing to do."""
        place = self.out / self.restorer.names[record.path]
        if not self.restorer.chosen(record):
            if write:
                state = "left alone" if record.look else "no face"
                place.unlink(missing_ok=True)  # of other choices
                record = self.work.put(replace(record, state=state, done_digest="", error=""))
                self._tell(counts, record)
            return False
        same = record.done_digest == self.restorer.digest(record)
        if record.state == "done" and same and place.is_file():
            counts.kept += 1
            if write:
                self._tell(counts, record)
            return False
        return True

    def _restore(self, batch: Sequence[Waiting], counts: "_Counts") -> None:
        for record in self.restorer.restore(batch):
            counts.restored += record.state == "done"
            self._tell(counts, record)

    def _tell(self, counts: "_Counts", record: Record) -> None:
        counts.done += 1
        self.tell(counts.progress(record))

    def _finish(self, counts: "_Counts", dry: bool) -> AlbumResult:
        self.restorer.clear()
        records = [self.work.record(path) for path in self.photos]
        by_name = {person.name: person for person in self.people}
        seen = [record for record in records if record.look]
        files = [write_corrections(self.out, seen)] if self.people else []
        files += write_contact_sheet(self.out, seen, self.work, by_name)
        if not dry:
            files.append(write_report(self.out, records, self.work, self.restorer.names))
        return AlbumResult(records, counts.restored, counts.kept, counts.to_do, files)

    @staticmethod
    def _faces(batch: Sequence[Waiting]) -> int:
        return sum(len(one.rows) for one in batch)


@dataclass
class _Counts:
    """How far a run has come."""

    total: int
    done: int = 0
    restored: int = 0
    kept: int = 0
    to_do: int = 0
    began: float = field(default_factory=time.monotonic)

    def progress(self, record: Record) -> Progress:
        """Return what is told of a photo that is finished."""
        worked = self.done - self.kept
        # What was kept took no time, and what is to come may be of either kind: the estimate is
        # for photos like those that were worked on.
        elapsed = time.monotonic() - self.began
        left = elapsed / worked * (self.total - self.done) if worked > 0 else None
        return Progress(record, self.done, self.total, left)

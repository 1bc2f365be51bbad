"""An album from its photos to its results: looked at, restored, reported; continued at any time."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..people import Person
from .contact_sheet import write_contact_sheet
from .corrections import read_corrections, write_corrections
from .executors.base import Executor
from .looking import Looker
from .progress import Progress
from .report import write_report
from .results import Results
from .tasks import LookTask, RestoreTask
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
        looker: Knows what has to be looked at.
        results: Knows what has to be restored.
        executor: Does both.
        tell: Called after each photo.
    """

    out: Path
    photos: Sequence[str]
    people: Sequence[Person]
    work: WorkList
    looker: Looker
    results: Results
    executor: Executor
    tell: Callable[[Progress], None] = field(default=lambda _: None, repr=False)

    def run(self, dry: bool = False) -> AlbumResult:
        """Restore what is not done yet.

        Args:
            dry: Only look at the photos, and write who is who.

        Raises:
            PDGradError: What would meet every photo: a missing network, a full disk, people or
                corrections that cannot be used. What lies in one photo is recorded.
        """
        self.results.recover()
        read_corrections(self.out, self.work, self.people)
        counts = _Counts(len(self.photos))
        unseen = {} if self.executor.in_order else self._looked_ahead()
        digests: dict[str, str] = {}
        for done in self.executor.restore(self._batches(counts, dry, unseen, digests)):
            record = self.results.keep(done, digests.pop(done.path))
            counts.restored += record.state == "done"
            self._tell(counts, record)
        return self._finish(counts, dry)

    def _looked_ahead(self) -> dict[str, str]:
        """Look at every photo that needs it, and return what went wrong, by photo."""
        found = map(self.looker.known, self.photos)
        tasks = [one for one in found if isinstance(one, LookTask)]
        unseen: dict[str, str] = {}
        for number, (task, seen) in enumerate(self.executor.look(tasks), start=1):
            if seen.error:
                unseen[task.path] = seen.error
                continue
            record = self.looker.keep(task, seen)
            self.tell(Progress(record, number, len(tasks), None, looking=True))
        return unseen

    def _batches(
        self, counts: "_Counts", dry: bool, unseen: dict[str, str], digests: dict[str, str]
    ) -> Iterator[list[RestoreTask]]:
        """Yield photos that are restored together, and note what each result depends on."""
        batch: list[RestoreTask] = []
        faces, most = 0, self.looker.facts.faces_at_once
        for record in self._looked_at(counts, dry, unseen):
            if dry or not self._is_to_do(record, counts):
                continue
            task = self.results.task(record)
            if batch and faces + len(task.rows) > most:
                yield batch
                batch, faces = [], 0
            digests[task.path] = self.results.digest(record)
            batch.append(task)
            faces += len(task.rows)
        if batch:
            yield batch

    def _looked_at(self, counts: "_Counts", dry: bool, unseen: dict[str, str]) -> Iterator[Record]:
        for path in self.photos:
            record, error = self._look(path, unseen)
            if error:
                self._tell(counts, self.results.failed(path, error))
                continue
            if dry:
                counts.to_do += self._is_to_do(record, _Counts(0), write=False)
                self._tell(counts, record)
            yield record

    def _look(self, path: str, unseen: dict[str, str]) -> tuple[Record, str]:
        """Return a photo's record, and why it could not be looked at."""
        if path in unseen:
            return self.work.record(path), unseen[path]
        found = self.looker.known(path)
        if isinstance(found, Record):
            return found, ""
        for task, seen in self.executor.look([found]):
            if not seen.error:
                return self.looker.keep(task, seen), ""
            return self.work.record(path), seen.error
        raise AssertionError("an executor has not answered")

    def _is_to_do(self, record: Record, counts: "_Counts", write: bool = True) -> bool:
        """Return whether a photo has to be restored; record it where there is nothing to do."""
        place = self.out / self.results.names[record.path]
        if not self.results.chosen(record):
            if write:
                state = "left alone" if record.look else "no face"
                place.unlink(missing_ok=True)  # of other choices
                record = self.work.put(replace(record, state=state, done_digest="", error=""))
                self._tell(counts, record)
            return False
        same = record.done_digest == self.results.digest(record)
        if record.state == "done" and same and place.is_file():
            counts.kept += 1
            if write:
                self._tell(counts, record)
            return False
        return True

    def _tell(self, counts: "_Counts", record: Record) -> None:
        counts.done += 1
        self.tell(counts.progress(record))

    def _finish(self, counts: "_Counts", dry: bool) -> AlbumResult:
        self.results.clear()
        records = [self.work.record(path) for path in self.photos]
        by_name = {person.name: person for person in self.people}
        seen = [record for record in records if record.look]
        files = [write_corrections(self.out, seen)] if self.people else []
        files += write_contact_sheet(self.out, seen, self.work, by_name)
        if not dry:
            files.append(write_report(self.out, records, self.work, self.results.names))
        return AlbumResult(records, counts.restored, counts.kept, counts.to_do, files)


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

"""Looking at photos: which are looked at already, and what is kept of what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ..people import Person
from ..weights.integrity import sha256_of
from .choices import AlbumChoices, digest_of
from .tasks import Facts, LookTask, Seen
from .work_list import Record, WorkList


@dataclass(frozen=True, eq=False)
class Looker:
    """Knows what has to be looked at; done once for each photo and each choice.

    Attributes:
        scans: The album's folder.
        work: The work list, which keeps what was seen.
        facts: Of the models.
        people: Whom faces are compared with.
        choices: What is looked for.
        places: Faces given by hand, by photo.
    """

    scans: Path
    work: WorkList
    facts: Facts
    people: Sequence[Person]
    choices: AlbumChoices
    places: dict[str, list[str]]

    @cached_property
    def _shared(self) -> str:
        """Digest of what every photo's look depends on."""
        choices = dict(vars(self.choices))
        del choices["unknown"]  # that changes what is done, not what is seen
        people = {one.name: [portrait.digest for portrait in one.portraits] for one in self.people}
        threshold = self.choices.cosine(self.facts.rates, len(self.people))
        names = [self.facts.detector, self.facts.size_px, threshold]
        networks = {role: self.facts.networks.get(role, "") for role in ("arcface", "restorer")}
        return digest_of([choices, people, names, networks])

    def known(self, path: str) -> Record | LookTask:
        """Return a photo's record, where it still holds, or what has to be looked at."""
        record = self.work.record(path)
        file, said = sha256_of(self.scans / path), self.work.said(path)
        places = self.places.get(path, [])
        digest = digest_of([self._shared, file, places, said])
        if record.look_digest == digest:
            return record
        return LookTask(path, self.scans / path, places, said, file, digest)

    def keep(self, task: LookTask, seen: Seen) -> Record:
        """Write what was seen on a photo into the work list."""
        record = self.work.record(task.path)
        record = replace(record, file=task.file_digest, look_digest=task.digest, look=seen.rows)
        return self.work.put(record, **seen.thumbs)

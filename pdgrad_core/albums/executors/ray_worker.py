"""What runs on a machine of a Ray cluster: one set of models, and photos that arrive as bytes."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...allocator import keep_freed_memory
from ...errors import InvalidInputError, PDGradError
from ...people import Person
from ..model_choice import WorkerPlan
from ..tasks import Facts, LookTask, Restored, RestoreTask, Seen
from .local import LocalExecutor


@dataclass(frozen=True)
class Answer:
    """What a worker answers.

    Attributes:
        value: The result.
        error: Why there is none: a sentence for the user. Exceptions of one's own do not travel
            well.
    """

    value: Any = None
    error: str = ""


@dataclass(frozen=True)
class Finished:
    """A photo's result on its way to whoever asked for it.

    Attributes:
        done: What is recorded of it.
        data: The file's content; None where there is none.
    """

    done: Restored
    data: bytes | None


class RayWorker:
    """The actor. It reads and writes nothing but a folder of its own, which goes with it.

    Args:
        plan: What it loads, when it is started.
        threads: Of torch, on a CPU.
    """

    def __init__(self, plan: WorkerPlan, threads: int) -> None:
        self._plan, self._threads = plan, threads
        self._folder = tempfile.TemporaryDirectory(prefix="pdgrad-")
        self._known: Any = None

    def start(self) -> Answer:
        """Load the models and return `Facts`."""
        return _answered(lambda: self._executor.facts())

    @cached_property
    def _executor(self) -> LocalExecutor:
        import torch

        keep_freed_memory()
        executor = self._plan.open()
        if executor.restorer.models.device.type == "cpu":
            torch.set_num_threads(self._threads)
        return executor

    def meet(self, files: Sequence[tuple[str, bytes]], people: str) -> Answer:
        """Read people from their files.

        Args:
            files: Paths within the folder of the people, and their contents.
            people: What the user calls that folder.
        """
        folder = self._place / "people"
        for name, data in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        answer = _answered(lambda: self._executor.meet(folder))
        return replace(answer, error=answer.error.replace(str(folder), people))

    def know(self, people: Sequence[Any]) -> None:
        """Take over people whom another worker has met.

        Args:
            people: A reference to them, in a list so that they are fetched once.
        """
        (self._known,) = people

    def look(self, task: LookTask, data: bytes) -> Answer:
        """Return `Seen`."""
        self._fetch_people()
        own = replace(task, file=self._file(task.path, data))

        def look() -> Seen:
            seen = self._executor.seen(own)
            return replace(seen, error=seen.error.replace(str(own.file), str(task.file)))

        return self._tidied(look)

    def restore(self, tasks: Sequence[RestoreTask], datas: Sequence[bytes]) -> Answer:
        """Return a list of `Finished`."""
        self._fetch_people()
        by_path = {task.path: task for task in tasks}
        own = [
            replace(task, file=self._file(task.path, data), target=self._place / "out" / f"{i}.png")
            for i, (task, data) in enumerate(zip(tasks, datas, strict=True))
        ]
        targets = {task.path: task.target for task in own}
        files = {task.path: task.file for task in own}

        def restore() -> list[Finished]:
            found: list[Finished] = []
            for done in self._executor.restore([own]):
                error = done.error.replace(str(files[done.path]), str(by_path[done.path].file))
                data = None if done.error else targets[done.path].read_bytes()
                found.append(Finished(replace(done, error=error), data))
            return found

        return self._tidied(restore)

    @property
    def _place(self) -> Path:
        return Path(self._folder.name)

    def _file(self, path: str, data: bytes) -> Path:
        """Lay a photo down under its own name: its ending, and what a message calls it."""
        file = self._place / "scans" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def _fetch_people(self) -> None:
        if self._known is None:
            return
        import ray

        people: list[Person] = ray.get(self._known)
        self._executor.people, self._known = people, None

    def _tidied(self, work: Callable[[], Any]) -> Answer:
        """Answer, and remove the photos."""
        import shutil

        try:
            return _answered(work)
        finally:
            for name in ("scans", "out"):
                shutil.rmtree(self._place / name, ignore_errors=True)


def _answered(work: Callable[[], Any]) -> Answer:
    try:
        return Answer(work())
    except PDGradError as error:
        return Answer(error=str(error))


def value_of(answer: Answer) -> Any:
    """Return what a worker answered.

    Raises:
        PDGradError: It answered an error.
    """
    if answer.error:
        raise PDGradError(answer.error)
    return answer.value


def check_alike(first: Facts, other: Facts) -> None:
    """Refuse a worker whose results would be others than the first one's.

    Raises:
        InvalidInputError: It has another version, other weights, another precision.
    """
    for name, label in (
        ("version", "version of pdgrad"),
        ("size_px", "size of faces"),
        ("detector", "detector"),
        ("precision", "precision"),
        ("networks", "weight files"),
    ):
        here, there = getattr(first, name), getattr(other, name)
        if here != there:
            if name == "networks":
                roles = sorted(role for role in here if here[role] != there.get(role))
                here = there = ", ".join(roles)
            raise InvalidInputError(
                f"{other.place} has another {label} than {first.place} ({there}; {here}), so a "
                "photo's result would depend on who does it; make them alike."
            )

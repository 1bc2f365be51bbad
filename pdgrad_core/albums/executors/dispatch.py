"""Work handed out to workers that may be lost: nothing is lost with them, nothing is done twice."""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""Tasks that a worker has at a time: one in work, and one for when that is done."""

ATTEMPTS = 3
"""A task that so many workers were lost with is given up: it may be what ends them."""

PATIENCE_S = 60.0
"""After so long without an answer it is said what is waited for."""


class WorkerLostError(Exception):
    """A worker has gone; what it had in work can be done by another."""


class Worker(ABC):
    """Somebody who does tasks, the first one given first."""

    @abstractmethod
    def submit(self, task: Any) -> "Future[Any]":
        """Begin a task. Its future raises `WorkerLostError` where the worker is gone."""


class Staff(ABC):
    """The workers that there are."""

    @abstractmethod
    def at_work(self) -> Sequence[Worker]:
        """Return those who take tasks; who has become ready meanwhile is among them.

        Raises:
            PDGradError: There is nobody, and nobody will come.
        """

    @abstractmethod
    def lose(self, worker: Worker, reason: str) -> None:
        """Count on a worker no more, and ask for another where there may be one."""

    @abstractmethod
    def coming(self) -> "Collection[Future[Any]]":
        """Return futures that are done when somebody becomes ready."""

    def remind(self) -> None:  # noqa: B027  (most need no reminder)
        """Say what is waited for."""


@dataclass(frozen=True)
class GivenUp:
    """The answer for a task that no worker survived.

    Attributes:
        reason: Why, in a sentence.
    """

    reason: str


@dataclass(frozen=True)
class _Asked(Generic[T]):
    task: T
    losses: int = 0


def whole(task: T) -> list[T]:
    """Return a task that has no parts."""
    return [task]


class Dispatcher(Generic[T]):
    """Hands tasks out while there are free workers, and gives back what they answer.

    Args:
        tasks: Is asked for the next one when somebody is free for it.
        staff: The workers.
        parts: Of a task: one that a worker was lost with twice is tried part by part.
    """

    def __init__(
        self, tasks: Iterable[T], staff: Staff, parts: Callable[[T], Sequence[T]] = whole
    ) -> None:
        self._source, self._staff, self._parts = iter(tasks), staff, parts
        self._again: deque[_Asked[T]] = deque()
        self._more = True
        self._running: dict[Future[Any], tuple[Worker, _Asked[T]]] = {}

    def __iter__(self) -> Iterator[tuple[T, Any]]:
        """Yield every task with its answer, as they come; an answer may be `GivenUp`."""
        while True:
            self._hand_out()
            if not self._running and not self._again and not self._more:
                return
            futures = [*self._running, *self._staff.coming()]
            done, _ = wait(futures, PATIENCE_S, FIRST_COMPLETED)
            if not done:
                self._staff.remind()
            for future in [one for one in self._running if one in done]:
                if future in self._running:  # it is not where a loss has taken it away
                    yield from self._answered(future)

    def _hand_out(self) -> None:
        load = dict.fromkeys(self._staff.at_work(), 0)
        for worker, _ in self._running.values():
            if worker in load:
                load[worker] += 1
        while load:
            worker = min(load, key=lambda one: load[one])
            if load[worker] >= AT_ONCE:
                return
            asked = self._next()
            if asked is None:
                return
            self._running[worker.submit(asked.task)] = (worker, asked)
            load[worker] += 1

    def _next(self) -> _Asked[T] | None:
        if self._again:
            return self._again.popleft()
        if self._more:
            for task in self._source:
                return _Asked(task)
            self._more = False
        return None

    def _answered(self, future: "Future[Any]") -> Iterator[tuple[T, Any]]:
        worker, asked = self._running[future]
        try:
            answer = future.result()
        except WorkerLostError as error:
            yield from self._lost(worker, str(error))
            return
        del self._running[future]
        yield asked.task, answer

    def _lost(self, worker: Worker, reason: str) -> Iterator[tuple[T, Any]]:
        """Take back what a lost worker had; the first of it was in work."""
        logger.warning("A worker is lost (%s); the others go on.", reason)
        self._staff.lose(worker, reason)
        own = [future for future, (other, _) in self._running.items() if other is worker]
        back: list[_Asked[T]] = []
        for number, future in enumerate(own):
            _, asked = self._running.pop(future)
            if future.done() and future.exception() is None:
                yield asked.task, future.result()
                continue
            losses = asked.losses + (number == 0)
            parts = self._parts(asked.task)
            if losses >= ATTEMPTS:
                said = f"{ATTEMPTS} workers were lost while they did it, the last one: {reason}"
                yield asked.task, GivenUp(said)
            elif losses == ATTEMPTS - 1 and len(parts) > 1:
                back += [_Asked(part, losses - 1) for part in parts]
            else:
                back.append(_Asked(asked.task, losses))
        self._again.extendleft(reversed(back))

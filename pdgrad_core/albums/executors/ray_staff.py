"""The workers of a Ray cluster: asked for, taken when ready, replaced when they are lost."""

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from ...errors import PDGradError
from ..model_choice import WorkerPlan
from ..tasks import Facts, LookTask, RestoreTask
from .dispatch import Staff, Worker, WorkerLostError
from .ray_worker import Answer, RayWorker, check_alike, value_of

logger = logging.getLogger(__name__)

FAILED_STARTS = 3
"""So many workers may end before they were ready, one after the other."""


@dataclass(frozen=True)
class Share:
    """What each worker takes of the cluster.

    Attributes:
        cpus: Cores.
        gpus: GPUs, or a part of one.
        workers: How many workers.
    """

    cpus: float
    gpus: float
    workers: int


class RayMate(Worker):
    """The driver's handle of an actor.

    Args:
        actor: Ray's handle.
    """

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.started = asked(actor.start.remote())

    def submit(self, task: Any) -> "Future[Any]":
        """Look at a photo, or restore several together."""
        if isinstance(task, LookTask):
            return asked(self.actor.look.remote(task, task.file.read_bytes()))
        tasks: list[RestoreTask] = list(task)
        return asked(self.actor.restore.remote(tasks, [one.file.read_bytes() for one in tasks]))


def asked(reference: Any) -> "Future[Any]":
    """Return a call's future; it raises `WorkerLostError` where Ray has lost the actor."""
    import ray

    future: Future[Any] = Future()

    def settle(own: "Future[Answer]") -> None:
        try:
            future.set_result(value_of(own.result()))
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            said = f"A worker of the Ray cluster failed ({type(cause).__name__}: {cause})."
            future.set_exception(PDGradError(said))
        except ray.exceptions.RayError as error:
            future.set_exception(WorkerLostError(_last_line(str(error))))
        except Exception as error:
            future.set_exception(error)

    reference.future().add_done_callback(settle)
    return future


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"


@dataclass(eq=False)
class RayStaff(Staff):
    """All workers.

    Attributes:
        plan: What each loads.
        share: What each takes.
        facts: Of the first one that was ready.
    """

    plan: WorkerPlan
    share: Share
    facts: Facts | None = None
    _starting: list[RayMate] = field(default_factory=list[RayMate])
    _ready: list[RayMate] = field(default_factory=list[RayMate])
    _people: Any = None
    _failed: int = 0

    def ask(self, workers: int) -> None:
        """Ask the cluster for workers."""
        import ray

        kind = ray.remote(num_cpus=self.share.cpus, num_gpus=self.share.gpus, max_restarts=0)
        threads = max(1, int(self.share.cpus))
        for _ in range(workers):
            actor = kind(RayWorker).remote(self.plan, threads)
            self._starting.append(RayMate(actor))

    def first(self) -> RayMate:
        """Wait for the first worker and return it.

        Raises:
            PDGradError: None can be started.
        """
        while not self.at_work():
            done, _ = wait(self.coming(), 60, "FIRST_COMPLETED")
            if not done:
                self.remind()
        return self._ready[0]

    def introduce(self, people: Any) -> None:
        """Let every worker know people, those too who come later.

        Args:
            people: Ray's reference to them.
        """
        self._people = people
        for mate in self._ready:
            mate.actor.know.remote([people])

    def at_work(self) -> Sequence[RayMate]:
        """See `Staff`."""
        for mate in [one for one in self._starting if one.started.done()]:
            self._starting.remove(mate)
            self._admit(mate)
        return self._ready

    def _admit(self, mate: RayMate) -> None:
        try:
            facts: Facts = mate.started.result()
        except WorkerLostError as error:
            self._failed += 1
            if self._failed >= FAILED_STARTS or not (self._starting or self._ready):
                raise PDGradError(
                    f"The Ray cluster's workers end before they are ready ({error}); every machine "
                    'needs this version of pdgrad (pip install "pdgrad[ray]") and memory for the '
                    "models."
                ) from error
            logger.warning("A worker ended before it was ready (%s).", error)
            self.ask(1)
            return
        self._failed = 0
        self.facts = self.facts or facts
        check_alike(self.facts, facts)
        if self._people is not None:
            mate.actor.know.remote([self._people])
        self._ready.append(mate)

    def lose(self, worker: Worker, reason: str) -> None:  # noqa: ARG002
        """See `Staff`."""
        assert isinstance(worker, RayMate)
        if worker in self._ready:
            self._ready.remove(worker)
            self._end(worker)
            self.ask(1)

    def coming(self) -> "Collection[Future[Any]]":
        """See `Staff`."""
        return [mate.started for mate in self._starting]

    def remind(self) -> None:
        """See `Staff`."""
        import ray

        if not self._ready:
            free = ray.available_resources()
            logger.warning(
                "Waiting for the Ray cluster to start a worker with %g CPUs and %g GPUs; free are "
                "%g and %g.",
                *(self.share.cpus, self.share.gpus, free.get("CPU", 0), free.get("GPU", 0)),
            )

    def dismiss(self) -> None:
        """End all workers."""
        for mate in (*self._starting, *self._ready):
            self._end(mate)
        self._starting, self._ready = [], []

    @staticmethod
    def _end(mate: RayMate) -> None:
        import contextlib

        import ray

        with contextlib.suppress(Exception):  # it has gone already, or the cluster has
            ray.kill(mate.actor)

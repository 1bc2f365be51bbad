"""A Ray cluster does the work: actors with a set of models each, photos sent to them as bytes."""

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...dependencies import require
from ...errors import InvalidInputError, PDGradError
from ...files import write_whole
from ...people import Person
from ..model_choice import WorkerPlan
from ..people_folder import person_files
from ..tasks import Facts, LookTask, Restored, Seen
from .base import Batch, Executor
from .dispatch import Dispatcher, GivenUp
from .ray_staff import RayStaff, Share
from .ray_worker import Finished, value_of

CPUS = 4
"""Cores of a worker that has no GPU, where the machines have as many."""

REACHED_S = 10.0
"""A cluster's address has to answer within this time."""


@dataclass(frozen=True)
class RayChoices:
    """What is asked of a cluster.

    Attributes:
        address: "HOST:PORT", "ray://HOST:PORT", or empty: the cluster that runs on this machine, or
            a new one of this machine alone.
        cpus: Cores of each worker; None for one beside a GPU, else `CPUS`.
        gpus: GPUs of each worker, or a part of one; None for one where the cluster has any.
        workers: How many; None for as many as fit.
    """

    address: str = ""
    cpus: float | None = None
    gpus: float | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for value, option in ((self.cpus, "--ray-cpus"), (self.workers, "--ray-workers")):
            if value is not None and not 1 <= value <= 10_000:
                raise InvalidInputError(f"{option} must be 1 or more, not {value:g}.")
        if self.gpus is not None and not 0 <= self.gpus <= 64:
            raise InvalidInputError(
                f"--ray-gpus is 0, a part of a GPU as in 0.5, or whole ones, not {self.gpus:g}."
            )

    def share(self, total: dict[str, float], smallest: float) -> Share:
        """Return what each worker takes.

        Args:
            total: The cluster's resources.
            smallest: Cores of its smallest machine.

        Raises:
            InvalidInputError: Not even one worker fits.
        """
        has_cpus, has_gpus = total.get("CPU", 0.0), total.get("GPU", 0.0)
        gpus = self.gpus if self.gpus is not None else float(has_gpus >= 1)
        cpus = self.cpus or (1.0 if gpus else max(1.0, min(float(CPUS), smallest)))
        fitting = int(has_cpus / cpus)
        if gpus:
            fitting = min(fitting, int(has_gpus / gpus + 1e-6))
        if fitting < 1:
            raise InvalidInputError(
                f"A worker of {cpus:g} CPUs and {gpus:g} GPUs does not fit into the Ray cluster, "
                f"which has {has_cpus:g} and {has_gpus:g}; ask for less, or start more machines."
            )
        return Share(cpus, gpus, self.workers or fitting)


@dataclass(eq=False)
class RayExecutor(Executor):
    """Looks and restores on a Ray cluster; results are written by this process alone.

    Attributes:
        plan: What each worker loads.
        choices: What is asked of the cluster.
    """

    plan: WorkerPlan
    choices: RayChoices = field(default_factory=RayChoices)
    in_order = False
    _staff: RayStaff | None = None
    _stays: bool = False

    @property
    def staff(self) -> RayStaff:
        """The workers; the cluster is joined when they are first needed."""
        if self._staff is None:
            ray, self._stays = join(self.choices.address)
            smallest = min(
                (node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]),
                default=1.0,
            )
            share = self.choices.share(ray.cluster_resources(), smallest)
            self._staff = RayStaff(self.plan, share)
            self._staff.ask(share.workers)
        return self._staff

    def facts(self) -> Facts:
        """See `Executor`."""
        self.staff.first()
        assert self.staff.facts is not None
        return self.staff.facts

    def meet(self, folder: Path | None) -> list[Person]:
        """See `Executor`."""
        if folder is None:
            return []
        import ray

        paths = [path for _, found in person_files(folder) for path in found]
        files = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]
        answer = self.staff.first().actor.meet.remote(files, str(folder))
        try:
            people: list[Person] = value_of(ray.get(answer))
        except ray.exceptions.RayError as error:
            raise PDGradError(f"A worker of the Ray cluster failed ({error}).") from error
        self.staff.introduce(ray.put(people))
        return people

    def look(self, tasks: Iterable[LookTask]) -> Iterator[tuple[LookTask, Seen]]:
        """See `Executor`."""
        for task, answer in Dispatcher(tasks, self.staff):
            yield task, Seen(error=answer.reason) if isinstance(answer, GivenUp) else answer

    def restore(self, batches: Iterable[Batch]) -> Iterator[Restored]:
        """See `Executor`."""
        for batch, answer in Dispatcher(batches, self.staff, _one_by_one):
            if isinstance(answer, GivenUp):
                yield from (Restored(task.path, error=answer.reason) for task in batch)
                continue
            targets = {task.path: task.target for task in batch}
            for one in answer:
                yield _written(one, targets[one.done.path])

    def close(self) -> None:
        """End the workers and leave the cluster; one of our own ends with that."""
        if self._staff is not None:
            import ray

            self._staff.dismiss()
            self._staff = None
            if not self._stays:
                ray.shutdown()


def _one_by_one(batch: Batch) -> list[Batch]:
    return [[task] for task in batch]


def _written(one: Finished, target: Path) -> Restored:
    data = one.data
    if data is not None:
        write_whole(target, lambda temporary: _write(temporary, data))
    return one.done


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def join(address: str) -> tuple[Any, bool]:
    """Join a cluster, or start one of this machine alone.

    Returns:
        The module `ray`, and whether this process had joined one before.

    Raises:
        MissingDependencyError: Ray is not installed.
        PDGradError: The cluster cannot be reached.
    """
    ray = require("ray", '"pdgrad[ray]"', "An album on a Ray cluster")
    if ray.is_initialized():
        return ray, True
    # A cluster of our own tells nobody that it ran.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address and address != "auto":
        _check_reached(address)
    try:
        _join(ray, address, quiet)
    except Exception as error:  # Ray raises nearly every type here, Exception itself among them
        where = f"at {address}" if address else "on this machine"
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise PDGradError(
            f"No Ray cluster can be joined or started {where} ({reason}); `ray start --head` "
            "starts one, and `ray status` shows it."
        ) from error
    return ray, False


def _join(ray: Any, address: str, quiet: dict[str, Any]) -> None:
    if address:
        ray.init(address, **quiet)
        return
    try:
        ray.init("auto", **quiet)
    except ConnectionError:
        ray.init("local", include_dashboard=False, **quiet)


def _check_reached(address: str) -> None:
    """Raise PDGradError where nobody listens; Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        raise InvalidInputError(
            f"A Ray cluster's address is HOST:PORT or ray://HOST:PORT, not {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_S).close()
    except (OSError, OverflowError) as error:
        raise PDGradError(
            f"No Ray cluster answers at {address} ({error}); start one by `ray start --head` "
            "there, and look whether the port is open."
        ) from error

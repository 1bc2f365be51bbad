"""Two programs that take turns: each in its own process, one step at a time, on the same machine.

What disturbs the machine disturbs both alike, and each process has its own peak memory.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

from ..devices import peak_memory_bytes
from ..errors import PDGradError

Stepper = Callable[[], torch.Tensor]
"""Takes one step and returns the state after it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Side:
    """What one program did.

    Attributes:
        seconds: Time of each step after the first, which warms up.
        warm_up_seconds: Time of the first step, compiling included.
        cpu_seconds: Processor time of each, summed over threads; others' load hardly touches it.
        peak_memory_bytes: Of its process, or of its share of the GPU.
        state: The state after the last step.
        facts: What else it has to tell.
    """

    seconds: list[float]
    warm_up_seconds: float
    cpu_seconds: list[float]
    peak_memory_bytes: int
    state: torch.Tensor
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


class TurnTaker:
    """The worker's end: waits for its turn, times the step, and answers.

    Args:
        pipe: The connection to the process that counts.
        device: Where the steps run.
    """

    def __init__(self, pipe: Connection, device: torch.device) -> None:
        self.pipe = pipe
        self.device = device

    def wait(self) -> bool:
        """Return whether another step is wanted."""
        return self.pipe.recv() == "step"

    def take(self, step: Stepper) -> torch.Tensor:
        """Time one step, report it, and return its state."""
        worked = time.process_time()
        seconds, state = timed(step, self.device)
        self.pipe.send((seconds, time.process_time() - worked))
        return state

    def finish(self, state: torch.Tensor, **facts: Any) -> None:
        """Report what the process used, where it arrived, and what else there is to tell."""
        memory = peak_memory_bytes(self.device)
        self.pipe.send((memory, state.float().cpu().numpy(), facts))


def timer_of(device: torch.device) -> str:
    """Return what `timed` measures with on a device."""
    return "CUDA events" if device.type == "cuda" else "wall clock"


def timed(step: Callable[[], T], device: torch.device) -> tuple[float, T]:
    """Do some work and return its seconds, by the device's own clock where it is CUDA's."""
    if device.type != "cuda":
        began = time.perf_counter()
        state = step()
        return time.perf_counter() - began, state
    torch.cuda.synchronize(device)
    stream: Any = torch.cuda.current_stream(device)
    began_at: Any = torch.cuda.Event(enable_timing=True)
    ended_at: Any = torch.cuda.Event(enable_timing=True)
    began_at.record(stream)
    state = step()
    ended_at.record(stream)
    torch.cuda.synchronize(device)
    return began_at.elapsed_time(ended_at) / 1000, state


def take_turns(workers: list[Callable[..., None]], job: Any, steps: int) -> list[Side]:
    """Run each worker as `worker(pipe, job)` in a process of its own, step by step in turn.

    Args:
        workers: Module-level functions that build a `TurnTaker` and serve it.
        job: What they are given; it must be picklable.
        steps: Timed steps of each, after one that is not counted.

    Raises:
        PDGradError: A worker failed; its own message.
    """
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes: list[Any] = []
    try:
        for worker in workers:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(worker, theirs, job), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        times: list[list[tuple[float, float]]] = [[] for _ in workers]
        for _ in range(steps + 1):
            for pipe, taken in zip(pipes, times, strict=True):
                taken.append(_ask(pipe, "step"))
        ends = [_ask(pipe, "stop") for pipe in pipes]
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()
    return [
        Side(
            [wall for wall, _ in taken[1:]],
            taken[0][0],
            [cpu for _, cpu in taken[1:]],
            memory,
            torch.from_numpy(state),
            facts,
        )
        for taken, (memory, state, facts) in zip(times, ends, strict=True)
    ]


def _ask(pipe: Connection, what: str) -> Any:
    try:
        pipe.send(what)
        answer = pipe.recv()
    except (EOFError, OSError) as error:
        raise PDGradError("A benchmark process ended before its time.") from error
    if isinstance(answer, str):
        raise PDGradError(answer)
    return answer


def _serve(worker: Callable[..., None], pipe: Connection, job: Any) -> None:
    """Run a worker; what goes wrong is told to the process that waits for it, then raised."""
    try:
        worker(pipe, job)
    except Exception as error:
        pipe.send(f"{worker.__module__.split('.')[-1]}: {type(error).__name__}: {error}")
        raise

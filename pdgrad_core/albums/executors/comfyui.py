"""ComfyUI hosts restore the faces; this process looks at the photos and lays faces back."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import InvalidInputError, PDGradError
from ...people import Person
from ..model_choice import WorkerPlan
from ..restoring import Cut
from ..tasks import Facts, LookTask, Restored, Seen
from .base import Batch, Executor
from .comfyui_client import ComfyUIClient, JobFailedError, Patience, host_url
from .comfyui_prompt import FacePrompt, face_from
from .dispatch import AT_ONCE, Dispatcher, GivenUp, Staff, Worker, WorkerLostError
from .local import LocalExecutor

NEEDED = ("PDGradLoadPhoto", "PDGradRestoreFace", "ImageBatch", "PreviewImage")
"""The nodes of which prompts are made."""


class Host(Worker):
    """A host that takes jobs.

    Args:
        client: Speaks to it.
        prompt: Writes prompts.
        size_px: Side of a face.
    """

    def __init__(self, client: ComfyUIClient, prompt: FacePrompt, size_px: int) -> None:
        self.client, self._prompt, self._size_px = client, prompt, size_px
        self._threads = ThreadPoolExecutor(AT_ONCE)

    def submit(self, task: Cut) -> "Future[Any]":
        """Restore a photo's faces; the answer is the faces, or a sentence, and the time."""
        return self._threads.submit(self._restored, task)

    def _restored(self, cut: Cut) -> tuple[Tensor | str, float]:
        began = time.perf_counter()
        prompt, shown = self._prompt.write(cut.crops, cut.guides, self.client.upload)
        try:
            pictures = self.client.run(prompt)
            faces = [face_from(pictures[node][0], self._size_px) for node in shown]
        except JobFailedError as error:
            return str(error), 0.0
        except KeyError as error:
            raise WorkerLostError("it gave no picture back") from error
        return torch.cat(faces), time.perf_counter() - began

    def close(self) -> None:
        """Take back what is in work there."""
        self.client.stopped = True
        self._threads.shutdown(wait=True, cancel_futures=True)


@dataclass(eq=False)
class Hosts(Staff):
    """The hosts that are left.

    Attributes:
        left: Them.
        gone: Why the others are not.
    """

    left: list[Host]
    gone: dict[str, str] = field(default_factory=dict[str, str])

    def at_work(self) -> Sequence[Host]:
        """See `Staff`."""
        if not self.left:
            said = "; ".join(f"{url}: {reason}" for url, reason in self.gone.items())
            raise PDGradError(f"No ComfyUI host is left ({said}).")
        return self.left

    def lose(self, worker: Worker, reason: str) -> None:
        """See `Staff`."""
        assert isinstance(worker, Host)
        if worker in self.left:
            self.left.remove(worker)
            self.gone[worker.client.url] = reason
            worker.client.stopped = True

    def coming(self) -> "Collection[Future[Any]]":
        """See `Staff`; a host that has gone does not come back in this run."""
        return []


@dataclass(eq=False)
class ComfyUIExecutor(Executor):
    """Looks at photos here, and lets hosts restore what was cut out of them.

    Attributes:
        plan: What is loaded here, and asked of the hosts.
        urls: The hosts' addresses.
        patience: How long they may be silent.
    """

    plan: WorkerPlan
    urls: Sequence[str]
    patience: Patience = field(default_factory=Patience)
    _own: LocalExecutor | None = None
    _hosts: list[Host] = field(default_factory=list[Host])

    def __post_init__(self) -> None:
        urls = [host_url(one) for one in self.urls]
        if len(set(urls)) < len(urls):
            raise InvalidInputError("A ComfyUI host is named twice; name each once.")
        prompt = FacePrompt(self.plan.settings, self.plan.models)
        clients = [ComfyUIClient(url, self.patience) for url in urls]
        for client in clients:
            check_host(client)
        self._own = self.plan.open()
        size_px = self._own.restorer.models.prior.image_size
        self._hosts = [Host(client, prompt, size_px) for client in clients]

    @property
    def own(self) -> LocalExecutor:
        """Who looks and lays back."""
        assert self._own is not None
        return self._own

    def facts(self) -> Facts:
        """See `Executor`."""
        # Every photo is a job of its own: a host that goes takes no other photos with it.
        return replace(self.own.facts(), faces_at_once=1)

    def meet(self, folder: Path | None) -> list[Person]:
        """See `Executor`."""
        return self.own.meet(folder)

    def look(self, tasks: Iterable[LookTask]) -> Iterator[tuple[LookTask, Seen]]:
        """See `Executor`."""
        return self.own.look(tasks)

    def restore(self, batches: Iterable[Batch]) -> Iterator[Restored]:
        """See `Executor`."""
        wrong: list[Restored] = []
        for cut, answer in Dispatcher(self._cuts(batches, wrong), Hosts(list(self._hosts))):
            if isinstance(answer, GivenUp):
                yield Restored(cut.task.path, error=answer.reason)
                continue
            faces, seconds = answer
            if isinstance(faces, str):
                yield Restored(cut.task.path, error=faces)
                continue
            yield self.own.restorer.finish(cut, faces, seconds)
        yield from wrong

    def _cuts(self, batches: Iterable[Batch], wrong: list[Restored]) -> Iterator[Cut]:
        for task in (task for batch in batches for task in batch):
            found = self.own.restorer.tried(task, self.own.people)
            if isinstance(found, Cut):
                yield found
            else:
                wrong.append(found)

    def close(self) -> None:
        """See `Executor`."""
        for host in self._hosts:
            host.client.stopped = True
        for host in self._hosts:
            host.close()


def check_host(client: ComfyUIClient) -> None:
    """Refuse a host that cannot be reached, or has not this pack.

    Raises:
        PDGradError: With what is missing there.
    """
    try:
        found = {kind: client.node(kind) for kind in NEEDED}
    except WorkerLostError as error:
        raise PDGradError(
            f"No ComfyUI answers at {client.url} ({error}); start it there with --listen."
        ) from error
    lacking = [kind for kind, node in found.items() if not node]
    node = found["PDGradRestoreFace"]
    if lacking or node is None:
        raise PDGradError(
            f"The ComfyUI at {client.url} has no {', '.join(lacking)}; install this pack there."
        )
    inputs = {name for group in node.get("input", {}).values() for name in group}
    if "speed_up" not in inputs:
        raise PDGradError(f"The ComfyUI at {client.url} has an older version of this pack.")

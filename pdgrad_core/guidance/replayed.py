"""A compiled guidance whose networks and losses are replayed: one CUDA graph for each run."""

import torch
from torch import Tensor

from ..combiners.base import Combiner
from ..diffusion.sampler import Guidance, Guided, Record, StepContext
from ..replay import Recorder, Replay, record_cuda_graph
from ..true_float32 import true_float32
from .gradients import CompiledGuidance
from .terms import surgeries_of


def replayed_where_asked(guidance: CompiledGuidance, device: torch.device) -> Guidance:
    """Return a guidance that is replayed where one of its networks was asked to be, on CUDA.

    Compiled networks are replayed too. One is enough: in a graph of nodes the networks come from
    several loaders, not all of which ask.

    Args:
        guidance: Of one run.
        device: Where the run samples.
    """
    wanted = any(leaf.network.compiled or leaf.network.replayed for leaf in guidance.leaves)
    return ReplayedGuidance(guidance) if wanted and device.type == "cuda" else guidance


class ReplayedGuidance:
    """Gives what a `CompiledGuidance` gives.

    Recorded is the way from x0hat to the gradients that are kept apart, and through masks and
    surgery to g, unless a combiner computes on the host or remembers something: then these two
    follow it. Moving targets are made before it and are inputs.

    Args:
        guidance: What is replayed.
        record: How; see `Replay`.
    """

    def __init__(self, guidance: CompiledGuidance, record: Recorder = record_cuda_graph) -> None:
        self.guidance = guidance
        self.replay = Replay("guidance", self._gradients, record)
        self._names: list[str] = []
        self._moving = [leaf for leaf in guidance.leaves if callable(leaf.term.target)]
        combiners = [type(surgery.combiner) for surgery in surgeries_of(guidance.root)]
        self._to_the_end = all(one.on_device and not _remembers(one) for one in combiners)

    def reset(self) -> None:
        """Forget earlier runs; see `CompiledGuidance`."""
        self.release()
        self.guidance.reset()

    @property
    def notes(self) -> tuple[str, ...]:
        """Say so where it could not be replayed."""
        return self.replay.notes

    def release(self) -> None:
        """Give the recording's memory back: the targets are its own, no other run can use it."""
        self.replay.forget()

    @true_float32()
    @torch.no_grad()
    def __call__(self, x0hat: Tensor, context: StepContext) -> Guided:
        """Return g and the trace of this step; see `CompiledGuidance`."""
        self.guidance.renew_targets(context)
        targets = [value for leaf in self._moving for value in (leaf.target or {}).values()]
        gradients, g, *values = self.replay(x0hat, *targets)
        record: Record = dict(zip(self._names, values, strict=True))
        self.guidance.expect_finite(gradients, record, context)
        if self._to_the_end:
            return Guided(g, record)
        if context.finiteness is not None and not self.guidance.on_device:
            context.finiteness.read()  # a solver on the host is not to be given NaN
        return Guided(self.guidance.combined(self.guidance.masked(gradients), record), record)

    def _gradients(self, x0hat: Tensor, *targets: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients, g where it is recorded too (else the gradients), and the trace.

        The moving targets are those given.
        """
        kept = [leaf.target for leaf in self._moving]
        given = iter(targets)
        for leaf in self._moving:
            leaf.target = {name: next(given) for name in leaf.target or {}}
        record: Record = {}
        gradients = self.guidance.at_targets(x0hat, record)
        for leaf, target in zip(self._moving, kept, strict=True):
            leaf.target = target
        g = gradients
        if self._to_the_end:
            g = self.guidance.combined(self.guidance.masked(gradients), record)
        self._names = list(record)
        return gradients, g, *(torch.as_tensor(value) for value in record.values())


def _remembers(combiner: type[Combiner]) -> bool:
    """Return whether a combiner has something to forget: a graph would replay its first step."""
    return combiner.reset is not Combiner.reset

"""Functions of tensors that are recorded once, and replayed without Python: CUDA graphs.

A step is some 2,500 kernels, and launching them one by one takes longer than computing them. What
is replayed must depend on its inputs alone: whatever else it read stays as it was when recorded.
"""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Function = Callable[..., tuple[Tensor, ...]]
"""Maps tensors to tensors."""

Recorder = Callable[[Function, tuple[Tensor, ...]], Function]
"""Records a function at given inputs; returns what replays it for others of their shapes."""

_WARM_UPS = 2
_TOLERANCE = 1e-2
"""Of the largest value: far above the rounding of 16 bit, far below what a frozen input does."""


class Replay:
    """A function that is recorded at its first call, and anew for other shapes.

    A recording keeps the memory of all that is computed in between, so there is one at most. One
    that fails, or that answers other inputs differently than the function itself, is not used: then
    the function is called as ever, which is logged in one sentence.

    Args:
        name: What the log calls it.
        function: Depends on its inputs and the weights alone; gives new tensors.
        record: How it is recorded.
        weights: What else it reads. A recording knows where they lay, not what they are: `renew`
            drops it where they have moved.

    Attributes:
        notes: The sentence, where it was logged of the last recording.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        record: Recorder,
        weights: Callable[[], Iterable[Tensor]] = tuple,
    ) -> None:
        self.name = name
        self.function = function
        self.record = record
        self.weights = weights
        self.notes: tuple[str, ...] = ()
        self._recorded: dict[tuple[object, ...], Function] = {}
        self._places: list[int] = []

    @property
    def recorded(self) -> bool:
        """Whether it holds a recording, and answers with it."""
        return any(one is not self.function for one in self._recorded.values())

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the function's tensors for these inputs, which no later call overwrites."""
        key = tuple((one.shape, one.dtype, one.device) for one in inputs)
        if key not in self._recorded:
            self.forget()  # before the next one takes as much
            self.notes = ()
            self._recorded[key] = self._recording(inputs)
            self._places = self._weights_lie()
        return self._recorded[key](*inputs)

    def renew(self) -> None:
        """Drop a recording whose weights lie elsewhere by now, as a host may have moved them."""
        if self._recorded and self._places != self._weights_lie():
            self.forget()

    def forget(self) -> None:
        """Give the recording's memory back."""
        self._recorded.clear()

    def _weights_lie(self) -> list[int]:
        return [one.data_ptr() for one in self.weights()]

    def _recording(self, inputs: tuple[Tensor, ...]) -> Function:
        try:
            replayed = self.record(self.function, inputs)
            others = tuple(_other(one) for one in inputs)
            differs = _differs(replayed(*others), self.function(*others))
        except RuntimeError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        else:
            if not differs:
                return replayed
            reason = "its recording gives other values"
        said = (
            f"The {self.name} cannot be replayed here ({reason}), so its kernels are launched one "
            "by one."
        )
        self.notes = (said,)
        logger.warning("%s", said)
        return self.function


def record_cuda_graph(function: Function, inputs: tuple[Tensor, ...]) -> Function:
    """Record a function as one CUDA graph. See `Recorder`."""
    held = tuple(one.clone() for one in inputs)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(held[0].device):
        current, side = torch.cuda.current_stream(), _recording_stream(held[0].device)
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):  # what is made once, or chosen by trying, is made now
                function(*held)
        current.wait_stream(side)
        # Only of this thread: the one that draws noise takes pinned memory meanwhile.
        with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
            outputs = function(*held)

    def replay(*given: Tensor) -> tuple[Tensor, ...]:
        for to, value in zip(held, given, strict=True):
            to.copy_(value)
        graph.replay()
        return tuple(one.clone() for one in outputs)

    return replay


@lru_cache
def _recording_stream(device: torch.device) -> "torch.cuda.Stream":
    """Return the stream on which all is recorded.

    Always the same, and the warm-ups' too: cuBLAS keeps tens of megabytes for each stream that it
    has met, and what it takes while recording would belong to the graph and never come back.
    """
    return torch.cuda.Stream(device)


def _other(value: Tensor) -> Tensor:
    """Return other values than these, of the same kind."""
    return value / 2 if value.is_floating_point() else value // 2


def _differs(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    """Return whether two answers are not the same but for rounding."""
    apart = [
        ((one - other).abs().amax() > _TOLERANCE * other.abs().amax())
        for one, other in zip(found, expected, strict=True)
    ]
    return bool(torch.stack(apart).any())

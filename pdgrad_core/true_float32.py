"""True float32 while our networks run: TF32 and its kin off, the host's own settings back after.

PyTorch computes float32 convolutions in TF32 on a GPU as it comes (ten bits of mantissa, 1.5e-3 of
a gradient's cosine), and a host may allow as much in matrix products, on a CPU too. These settings
belong to the whole process, so they are borrowed: taken by the first who enters, given back by the
last who leaves, in whatever thread.
"""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Generator

_OPERATIONS = (
    *("cudnn.conv", "cudnn.rnn", "cuda.matmul"),
    *("mkldnn.conv", "mkldnn.rnn", "mkldnn.matmul"),
)
"""What has a precision of its own under `torch.backends`, since torch 2.9."""


class _Borrowed:
    """The process's settings while somebody computes in true float32.

    Attributes:
        lock: Held while they are taken or given back.
        depth: How many are inside.
        restore: Gives them back; None while nobody is inside.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.restore: Callable[[], None] | None = None


_borrowed = _Borrowed()


@contextmanager
def true_float32() -> "Generator[None]":
    """Compute float32 as float32 inside; as a decorator, during each call of the function.

    May be nested, entered again, and entered by several threads at once: the settings found by the
    first are restored when the last has left, also after an error. Settings for 16 bit (reduced
    accumulation) are left alone: they are no float32.
    """
    with _borrowed.lock:
        if _borrowed.depth == 0:
            _borrowed.restore = _switch_off()
        _borrowed.depth += 1
    try:
        yield
    finally:
        with _borrowed.lock:
            _borrowed.depth -= 1
            if _borrowed.depth == 0 and _borrowed.restore is not None:
                _borrowed.restore()
                _borrowed.restore = None


def float32_settings() -> dict[str, Any]:
    """Return how the process computes float32 now: what `true_float32` changes and restores.

    A setting that torch refuses to tell, because it was set in two ways that disagree, is missing.
    """
    backends: Any = torch.backends
    readers: dict[str, Callable[[], Any]] = {
        "cudnn.allow_tf32": lambda: backends.cudnn.allow_tf32,
        "cuda.matmul.allow_tf32": lambda: backends.cuda.matmul.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision,
        **{f"{name}.fp32_precision": _reader(name) for name in _OPERATIONS},
    }
    found = {name: _told(read) for name, read in readers.items()}
    return {name: value for name, value in found.items() if value is not None}


def _told(read: Callable[[], Any]) -> Any:
    """Return a setting; None where torch lacks it, or its two ways of saying it disagree."""
    try:
        return read()
    except (RuntimeError, AttributeError):
        return None


def _switch_off() -> Callable[[], None]:
    """Set everything to true float32; return what sets it back."""
    before = float32_settings()
    off: dict[str, Any] = {
        "cudnn.allow_tf32": False,
        "float32_matmul_precision": "highest",
        "cuda.matmul.allow_tf32": False,
    }
    # Both ways of saying it, so that whoever asks inside in the older one is told and not refused.
    _set({**off, **{name: "ieee" for name in before if name.endswith("fp32_precision")}})
    return lambda: _set(before)


def _set(settings: dict[str, Any]) -> None:
    """Set the older switches, then the newer, which the older ones move."""
    backends: Any = torch.backends
    if "cudnn.allow_tf32" in settings:
        backends.cudnn.allow_tf32 = settings["cudnn.allow_tf32"]
    if "cuda.matmul.allow_tf32" in settings:
        backends.cuda.matmul.allow_tf32 = settings["cuda.matmul.allow_tf32"]
    if "float32_matmul_precision" in settings:  # after the switch, which sets it to "high"
        torch.set_float32_matmul_precision(settings["float32_matmul_precision"])
    for name, value in settings.items():
        operation, _, setting = name.rpartition(".")
        if setting == "fp32_precision":
            _operation(operation).fp32_precision = value


def _operation(name: str) -> Any:
    found: Any = torch.backends
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _reader(name: str) -> Callable[[], Any]:
    return lambda: _operation(name).fp32_precision

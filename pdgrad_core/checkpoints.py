"""Weight files: read without running code, unwrapped, loaded with errors that name a mismatch.

Finding and fetching files is `weights`' part; this module knows what lies inside one.
"""

import logging
import pickle
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from .errors import (
    CheckpointNotFoundError,
    CorruptCheckpointError,
    PDGradError,
    UnsafeCheckpointError,
    WrongArchitectureError,
)

logger = logging.getLogger(__name__)

TEST_WEIGHTS_KEY = "pdgrad.test_weights"
"""Metadata key of files whose weights are random numbers: they run, and restore nothing."""

METADATA_ENTRY = "__metadata__"
"""Entry of a `.pth` dictionary that carries string metadata, as safetensors headers do."""

# Names under which published checkpoints wrap their state dict, best first.
_WRAPPERS = ("params_ema", "params", "state_dict", "model", "g_ema")

_SHOWN_LETTERS = 120

_Network = TypeVar("_Network", bound=nn.Module)

# Values of metadata.
_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one weight file, its string metadata and where it came from."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    path: Path | None = None

    @property
    def is_test(self) -> bool:
        """Whether the file says of itself that it holds random numbers."""
        return TEST_WEIGHTS_KEY in self.metadata

    @property
    def name(self) -> str:
        """File name for messages."""
        return self.path.name if self.path else "the given state dict"


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a weight file on the CPU, running no code from it.

    What the file declares is compared with what it holds before anything is unpacked, see
    `inspection`. `.safetensors` files are read as such; everything else goes through
    `torch.load(weights_only=True)`. Wrapping dictionaries ("params_ema",
    "state_dict", ...) and a "module." prefix are taken off.

    Args:
        path: File to read.

    Returns:
        Its tensors (dtype as stored) and metadata.

    Raises:
        CheckpointNotFoundError: There is no such file.
        UnsafeCheckpointError: The file is a pickle that would run code.
        CorruptCheckpointError: The file is truncated, or no weight file, or declares more than it
            holds, or holds tensors that are no plain arrays.
    """
    from .inspection import inspect

    path = Path(path)
    if not path.is_file():
        raise CheckpointNotFoundError(f"Expected a weight file at {path}, but there is none.")
    kind = inspect(path)
    if kind == "onnx":
        raise _corrupt(path, ValueError("an ONNX model, from which no weights are taken"))
    tensors, metadata = _read_safetensors(path) if kind == "safetensors" else _read_torch(path)
    return Checkpoint(_without_module_prefix(tensors), metadata, path)


def read_metadata(path: Path | str) -> dict[str, str]:
    """Return a safetensors file's string metadata without reading its tensors.

    Raises:
        CorruptCheckpointError: The header cannot be read.
    """
    from .inspection import read_header

    path = Path(path)
    try:
        header = read_header(path)
    except (OSError, ValueError) as error:
        raise _corrupt(path, error) from error
    return _as_metadata(header.get(METADATA_ENTRY))


def load_strict(module: nn.Module, checkpoint: Checkpoint, what: str) -> None:
    """Load a checkpoint into a network, every name and shape matching.

    Args:
        module: Network that receives the tensors (converted to its own dtype).
        checkpoint: Tensors by the network's state-dict names.
        what: The network in words, for the error.

    Raises:
        WrongArchitectureError: Names or shapes differ.
    """
    _check_strict(module, checkpoint, what)
    module.load_state_dict(checkpoint.tensors)


def build_strict(make: Callable[[], _Network], checkpoint: Checkpoint, what: str) -> _Network:
    """Build a network whose widths were read off a checkpoint, and load it.

    The names and shapes are compared before the network takes memory: one wide tensor in a small
    file may ask for layers of any size.

    Args:
        make: Builds the network, on whatever device is the current one.
        checkpoint: Tensors by the network's state-dict names.
        what: The network in words, for the error.

    Returns:
        The network with the checkpoint's values.

    Raises:
        WrongArchitectureError: Names or shapes differ.
    """
    with expecting(checkpoint, what), torch.device("meta"):
        _check_strict(make(), checkpoint, what)
    network = make()
    network.load_state_dict(checkpoint.tensors)
    return network


def _check_strict(module: nn.Module, checkpoint: Checkpoint, what: str) -> None:
    expected = module.state_dict()
    # Batch norms' step counters came with PyTorch 0.4.1: older files lack them, and nothing reads
    # them in evaluation.
    missing = [
        key
        for key in expected
        if key not in checkpoint.tensors and not key.endswith("num_batches_tracked")
    ]
    surplus = [key for key in checkpoint.tensors if key not in expected]
    reshaped = [
        f"{_shown(key)} {tuple(checkpoint.tensors[key].shape)} instead of {tuple(value.shape)}"
        for key, value in expected.items()
        if key in checkpoint.tensors and checkpoint.tensors[key].shape != value.shape
    ]
    if missing or surplus or reshaped:
        raise WrongArchitectureError(
            f"{checkpoint.name} is not a checkpoint of {what}: "
            + "; ".join(
                f"{len(names)} {kind} (first: {_shown(names[0])})"
                for names, kind in (
                    (missing, "tensors missing"),
                    (surplus, "tensors too many"),
                    (reshaped, "tensors of another shape"),
                )
                if names
            )
            + ". Choose the file that belongs to this network."
        )


@contextmanager
def expecting(checkpoint: Checkpoint, what: str) -> Generator[None, None, None]:
    """Turn what reading a network off foreign tensors trips over into the sentence about the file.

    Args:
        checkpoint: The tensors that are read.
        what: The network in words, for the error.

    Raises:
        WrongArchitectureError: A tensor has too few dimensions, or a length that cannot be.
    """
    try:
        yield
    except PDGradError:
        raise
    except (LookupError, ArithmeticError, ValueError, TypeError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WrongArchitectureError(
            f"{checkpoint.name} is not a checkpoint of {what}: its tensors have other shapes "
            f"({_shown(lines[0])}). Choose the file that belongs to this network."
        ) from error


def warn_if_test(checkpoint: Checkpoint) -> None:
    """Log one warning for a file whose weights are random numbers."""
    if checkpoint.is_test:
        logger.warning(
            "%s holds random test weights: it runs, and restores nothing.", checkpoint.name
        )


def _shown(name: str) -> str:
    """Return a name from a file as a message can show it: short, and on one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:_SHOWN_LETTERS])


def _corrupt(path: Path, error: Exception) -> CorruptCheckpointError:
    from .inspection import corrupt

    return corrupt(path, error)


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    metadata = read_metadata(path)
    try:
        return load_file(path), metadata
    except (SafetensorError, OSError, ValueError, RuntimeError, LookupError, TypeError) as error:
        # Gaps, an unknown type; a shape that PyTorch does not take.
        raise _corrupt(path, error) from error


def _read_torch(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):  # a Python object that is no tensor; text has none
            raise UnsafeCheckpointError(
                f"{path.name} is a pickle that holds Python objects beside its weights, and "
                "reading it would run code from it; use a file that holds tensors only "
                "(safetensors, or a plain state dict)."
            ) from error
        # PyTorch's own message advises switching the protection off.
        raise _corrupt(path, ValueError("it holds no pickled tensors")) from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes surface as almost any type inside the unpickler
        raise _corrupt(path, error) from error
    if not isinstance(content, Mapping):
        raise _corrupt(path, TypeError(f"holds a {type(content).__name__}, not a state dict"))
    return _unwrapped(path, cast("Mapping[Any, Any]", content))


def _unwrapped(path: Path, content: Mapping[Any, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    metadata = _as_metadata(content.get(METADATA_ENTRY))
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    tensors = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if not tensors:
        raise _corrupt(path, ValueError("holds no named tensors"))
    return tensors, metadata


def _as_metadata(entry: Any) -> dict[str, str]:
    """Return a metadata entry, which a damaged or foreign file may hold in any form.

    Values that are no plain ones are left out: lists that share lists are endless when written out.
    """
    if not isinstance(entry, Mapping):
        return {}
    return {
        str(key): str(value)
        for key, value in cast("Mapping[Any, Any]", entry).items()
        if isinstance(key, str) and isinstance(value, _PLAIN)
    }


def _without_module_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off the "module." that a checkpoint saved from DistributedDataParallel carries."""
    prefix = "module."
    if not all(key.startswith(prefix) for key in tensors):
        return tensors
    return {key[len(prefix) :]: value for key, value in tensors.items()}

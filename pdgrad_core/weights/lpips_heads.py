"""The linear heads of LPIPS, from a file of theirs, the trunk's own, or the `lpips` package."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ..checkpoints import Checkpoint, load_checkpoint
from ..errors import MissingDependencyError, WrongArchitectureError


def lpips_heads(
    checkpoint: Checkpoint, heads: Path | str | None, widths: Sequence[int]
) -> list[Tensor]:
    """Return non-negative weights per channel, `(C,)` for each of VGG16's blocks.

    Args:
        checkpoint: The trunk's file, which may hold them too.
        heads: A file of their own; None for the trunk's, else the one inside the `lpips` package.
        widths: The trunk's channels, which they have to fit.

    Raises:
        CheckpointError: The file is missing, damaged, lacks a head, or fits another trunk.
        MissingDependencyError: Neither file has them and `lpips` is not installed.
    """
    keys = [f"lin{index}.model.1.weight" for index in range(len(widths))]
    tensors = checkpoint.tensors
    if heads is not None or keys[0] not in tensors:
        tensors = load_checkpoint(heads or _lpips_heads()).tensors
    try:
        found = [tensors[key].flatten() for key in keys]
    except KeyError as error:
        raise WrongArchitectureError(
            f"The file of LPIPS's heads lacks the tensor {error}; use the lpips package's vgg.pth."
        ) from error
    lengths = [len(head) for head in found]
    if lengths != list(widths):
        raise WrongArchitectureError(
            f"LPIPS's heads have {lengths} weights, and the network's blocks have {list(widths)} "
            "channels; use heads that were trained on it, such as the lpips package's vgg.pth."
        )
    return found


def _lpips_heads() -> Path:
    """Return the heads inside the lpips package, found without importing it."""
    spec = importlib.util.find_spec("lpips")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "The low-level VGG loss needs the linear heads in the Python package 'lpips', which is "
            "not installed; install it with: pip install lpips"
        )
    return Path(spec.origin).parent / "weights" / "v0.1" / "vgg.pth"

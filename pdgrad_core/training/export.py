"""Weight files from training runs: 16 bit where it does not matter, with their origin."""

from pathlib import Path

from torch import Tensor

from ..files import write_whole
from .companions import beside
from .loop import Trainer

LICENCE = "Apache-2.0"


def export(trainer: Trainer, path: Path, origin: dict[str, str]) -> None:
    """Write the averaged network as `.safetensors`, and what the objective keeps beside it.

    Args:
        trainer: The run.
        path: The file; it appears whole or not at all.
        origin: What its metadata is to say of its making: "command", "commit", "data".
    """
    exported = trainer.objective.export(trainer.objective.average.module)
    making = {
        "pdgrad.licence": LICENCE,
        "pdgrad.images_seen": str(trainer.images),
        **{f"pdgrad.{key}": value for key, value in origin.items()},
    }
    _write(path, exported.tensors, {**exported.metadata, **making})
    for name, tensors in exported.beside.items():
        _write(beside(path, name), tensors, making)


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    from safetensors.torch import save_file

    small = {name: compact(value) for name, value in tensors.items()}
    write_whole(path, lambda temporary: save_file(small, temporary, metadata))


def compact(value: Tensor) -> Tensor:
    """Return matrices and kernels as float16, vectors (norms, biases, statistics) as they are."""
    value = value.detach().cpu().contiguous()
    return value.half() if value.is_floating_point() and value.ndim > 1 else value.clone()

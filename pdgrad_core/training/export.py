"""Weight files from training runs: 16 bit where it does not matter, with their origin."""

from pathlib import Path

from torch import Tensor

from ..files import write_whole
from .loop import Trainer

LICENCE = "Apache-2.0"


def export(trainer: Trainer, path: Path, origin: dict[str, str]) -> None:
    """Write the averaged network as `.safetensors`.

    Args:
        trainer: The run.
        path: The file; it appears whole or not at all.
        origin: What its metadata is to say of its making: "command", "commit", "data".
    """
    from safetensors.torch import save_file

    exported = trainer.objective.export(trainer.objective.average.module)
    tensors = {name: compact(value) for name, value in exported.tensors.items()}
    metadata = {
        **exported.metadata,
        "pdgrad.licence": LICENCE,
        "pdgrad.images_seen": str(trainer.images),
        **{f"pdgrad.{key}": value for key, value in origin.items()},
    }
    write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))


def compact(value: Tensor) -> Tensor:
    """Return matrices and kernels as float16, vectors (norms, biases, statistics) as they are."""
    value = value.detach().cpu().contiguous()
    return value.half() if value.is_floating_point() and value.ndim > 1 else value.clone()

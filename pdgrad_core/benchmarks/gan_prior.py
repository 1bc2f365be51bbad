"""GPEN's network, ours against the official code, in turns on the same machine."""

import importlib
import sys
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ..allocator import keep_freed_memory
from ..checkpoints import Checkpoint, load_checkpoint
from ..devices import environment, parse_device
from ..errors import InvalidInputError
from ..gan.config import GANPriorConfig
from ..gan.reading import load_gan_prior, read_config
from ..weights.testing import random_state_dict, read_layout
from .turns import Side, TurnTaker, take_turns

MODEL_FILE = Path("face_model", "gpen_model.py")
"""Where the official network lies in its repository."""


@dataclass(frozen=True)
class GPENJob:
    """What both sides are given.

    Attributes:
        checkout: Folder of yangxy/GPEN; its code is run as it is.
        weights: A file of its layout; None for random numbers in that of GPEN-BFR-512.
        device: Where both run, "auto" for the first accelerator that is there.
        threads: CPU threads of each side; None for all.
    """

    checkout: Path
    weights: Path | None = None
    device: str = "auto"
    threads: int | None = None

    def checkpoint(self) -> Checkpoint:
        """Return the weights of both."""
        if self.weights is not None:
            return load_checkpoint(self.weights)
        return Checkpoint(dict(random_state_dict(read_layout("gpen-512"), 0)))


def benchmark_gan_prior(job: GPENJob, turns: int = 3) -> dict[str, Any]:
    """Time faces of both, in turns and in processes of their own, and compare the results.

    Args:
        job: The checkout and the weights.
        turns: Faces timed on each side, after one that warms up.

    Returns:
        The median seconds per face, wall and processor, of "theirs" and "ours", "ratio" (theirs
        over ours; the same for processor time), peak memory, and the results' largest difference,
        "difference" on the scale of [-1, 1] and "relative_difference" over theirs' largest value.

    Raises:
        InvalidInputError: The folder is no checkout of GPEN, or no turn is asked for.
        CheckpointError: The weights cannot be read, or are of another network.
    """
    if not (job.checkout / MODEL_FILE).is_file():
        raise InvalidInputError(
            f"{job.checkout} is no checkout of yangxy/GPEN: it lacks {MODEL_FILE.as_posix()}. "
            "Clone it and give its folder with --checkout."
        )
    if turns < 1:
        raise InvalidInputError(f"The benchmark needs at least one turn, not {turns}.")
    if job.weights is not None:
        read_config(job.checkpoint())
    device = parse_device(job.device)
    job = replace(job, checkout=job.checkout.resolve(), device=str(device))
    theirs, ours = take_turns([run_official, run_ours], job, turns)
    return {
        "benchmark": "gan-prior",
        "size_px": ours.state.shape[-1],
        "turns": turns,
        **_compare(theirs, ours),
        **environment(device),
        "threads": job.threads or torch.get_num_threads(),
    }


def run_official(pipe: Connection, job: GPENJob) -> None:
    """Serve the official side."""
    checkpoint = job.checkpoint()
    if job.device == "cpu":
        # Its kernels are compiled on import wherever there is CUDA, asked for or not.
        torch.cuda.is_available = lambda: False
    sys.path.insert(0, str((job.checkout / MODEL_FILE).parent))
    official: Any = importlib.import_module(MODEL_FILE.stem)
    network = official.FullGenerator(**_arguments(read_config(checkpoint)), device=job.device)
    network.load_state_dict(checkpoint.tensors)
    _serve(pipe, job, network, read_config(checkpoint).image_size)


def run_ours(pipe: Connection, job: GPENJob) -> None:
    """Serve our side, in a process set up as our command line sets up its own."""
    keep_freed_memory()
    network = load_gan_prior(job.checkpoint())
    _serve(pipe, job, network, network.image_size)


def _serve(pipe: Connection, job: GPENJob, network: Any, size: int) -> None:
    """Restore the same face at every turn."""
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    network = network.eval().requires_grad_(False).to(device)
    face = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    face = face.to(device)

    def restore() -> Tensor:
        found = network(face)
        return found[0] if isinstance(found, tuple) else found  # theirs has a latent code too

    turns, state = TurnTaker(pipe, device), face
    with torch.no_grad():
        while turns.wait():
            state = turns.take(restore)
    turns.finish(state)


def _arguments(config: GANPriorConfig) -> dict[str, Any]:
    """Return what the official constructor takes for these layers."""
    narrow = config.widths[0] / 512
    wide = len(config.widths) > 4
    return {
        "size": config.image_size,
        "style_dim": config.style_width,
        "n_mlp": config.mapping_layers,
        "channel_multiplier": round(config.widths[4] / (256 * narrow)) if wide else 2,
        "narrow": narrow,
    }


def _compare(theirs: Side, ours: Side) -> dict[str, float]:
    difference = float((theirs.state - ours.state).abs().max())
    return {
        "theirs_seconds": median(theirs.seconds),
        "ours_seconds": median(ours.seconds),
        "theirs_processor_seconds": median(theirs.cpu_seconds),
        "ours_processor_seconds": median(ours.cpu_seconds),
        "ratio": median(theirs.seconds) / median(ours.seconds),
        "processor_time_ratio": median(theirs.cpu_seconds) / median(ours.cpu_seconds),
        "theirs_peak_memory_bytes": theirs.peak_memory_bytes,
        "ours_peak_memory_bytes": ours.peak_memory_bytes,
        "difference": difference,
        "relative_difference": difference / float(theirs.state.abs().max()),
    }

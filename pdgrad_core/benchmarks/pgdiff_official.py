"""Runs the official PGDiff from a user's checkout as it is, and stops it between its steps.

It was written for CUDA, MPI and its own file layout; what it cannot find here is stood in for, and
nothing that a step computes is touched.
"""

import contextlib
import os
import sys
import types
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints import load_checkpoint
from ..dependencies import require
from ..recipes import recipe
from .pgdiff_job import SEED, TASKS, Job
from .turns import TurnTaker


class _EnoughError(Exception):
    """Leaves the official sampling loop."""


def run_official(pipe: Connection, job: Job) -> None:
    """Serve the official side of a task."""
    device = torch.device(job.device)
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    require("cv2", "opencv-python", "The official PGDiff")
    _stand_in_for_cuda(device)
    _stand_in_for_mpi()
    weights = job.weights()
    sys.path.insert(0, str(job.checkout))
    os.chdir(job.folder)
    sys.argv = _arguments(job)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        _serve(TurnTaker(pipe, device), weights)


def _serve(turns: TurnTaker, weights: dict[str, Path]) -> None:
    import importlib

    diffusion: Any = importlib.import_module("guided_diffusion.gaussian_diffusion")
    dist_util: Any = importlib.import_module("guided_diffusion.dist_util")
    dist_util.setup_dist = lambda: None

    def load_state_dict(path: str, **_options: Any) -> dict[str, Any]:
        return _read(path, weights)

    dist_util.load_state_dict = load_state_dict
    original: Callable[..., dict[str, Tensor]] = diffusion.GaussianDiffusion.p_sample
    state: list[Tensor] = []

    def step_in_turn(*args: Any, **kwargs: Any) -> dict[str, Tensor]:
        if not turns.wait():
            raise _EnoughError
        found: dict[str, Tensor] = {}

        def step() -> Tensor:
            found.update(original(*args, **kwargs))
            return found["sample"]

        state[:] = [turns.take(step)]
        return found

    diffusion.GaussianDiffusion.p_sample = step_in_turn
    script: Any = importlib.import_module("inference_pgdiff")
    try:
        script.main()
    except _EnoughError:
        turns.finish(state[0])


def _arguments(job: Job) -> list[str]:
    return [
        "inference_pgdiff.py",
        *("--task", TASKS[job.task], "--seed", str(SEED)),
        *("--in_dir", "photo", "--ref_dir", "reference", "--mask_dir", "mask", "--out_dir", "out"),
        *("--guidance_scale", str(recipe(job.recipe).strength)),
    ]


def _read(path: str, weights: dict[str, Path]) -> dict[str, Any]:
    """Return a weight file in the wrapping that its official caller takes off."""
    roles = {"iddpm": "prior", "rrdb": "restorer", "ms1mv": "arcface"}
    role = next(role for start, role in roles.items() if Path(path).name.startswith(start))
    tensors = load_checkpoint(weights[role]).tensors
    if role == "prior":
        return {f"module.{key}": value for key, value in tensors.items()}
    return {"state_dict": tensors} if role == "restorer" else dict(tensors)


def _stand_in_for_cuda(device: torch.device) -> None:
    """Without CUDA, `.cuda()` leaves a tensor where it is."""
    if device.type == "cuda":
        return

    def stay(self: Tensor, *_args: Any, **_options: Any) -> Tensor:
        return self

    torch.Tensor.cuda = stay
    torch.cuda.is_available = lambda: False


def _stand_in_for_mpi() -> None:
    """One process has no need of mpi4py and blobfile, which the official code imports."""
    for name in ("mpi4py", "blobfile"):
        sys.modules.setdefault(name, types.ModuleType(name))
    mpi: Any = sys.modules["mpi4py"]
    if not hasattr(mpi, "MPI"):
        mpi.MPI = types.SimpleNamespace()

"""Whole guided runs from the start to the last pixel: seconds and memory by steps and batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..devices import begin_peak, environment, parse_device, peak_memory_bytes
from ..diffusion.noise import seeded_noise
from ..diffusion.priors import LoadedPrior
from ..diffusion.sampler import SampleResult
from ..errors import InvalidInputError
from ..features.base import FeatureNetwork
from ..models.compilation import compile_networks, replay_networks
from ..models.precision import precision_preset
from ..recipes import GuideImages
from ..recipes.pdgrad import PDGradRecipe
from ..runs import prepare_run
from .step_inputs import SEED, load_networks, pictures
from .turns import timed, timer_of


@dataclass(frozen=True)
class RestoringJob:
    """What is timed.

    Attributes:
        models: Folder of weights; None for random ones built in memory.
        size_px: Side of the faces.
        steps: Numbers of steps below tau = 700.
        batches: Numbers of faces that are restored at once.
        precision: Preset.
        compiled: Whether what gains by it is compiled; with CUDA it is replayed then, too.
        replayed: Whether it is replayed as CUDA graphs, without being compiled.
        device: Where it runs.
    """

    models: Path | None = None
    size_px: int = 512
    steps: tuple[int, ...] = (100, 700)
    batches: tuple[int, ...] = (1, 4, 16)
    precision: str = "auto"
    compiled: bool = False
    replayed: bool = False
    device: str = "auto"


def benchmark_restoring(job: RestoringJob) -> dict[str, Any]:
    """Time PDGrad's sampling for each number of faces and steps, after two steps that warm up.

    Args:
        job: What is timed. y_c is given: restoring it is another network's time.

    Returns:
        `runs`, a row each: batch, steps, seconds, seconds per step, per face, and the peak memory
        of the device; where the memory did not suffice, `out_of_memory` instead. And the machine.

    Raises:
        InvalidInputError: A number that cannot be used, or an unknown device.
        CheckpointError: A weight file is missing.
    """
    if min(job.steps, default=0) < 1 or min(job.batches, default=0) < 1:
        raise InvalidInputError("The benchmark needs at least one step and one face.")
    device = parse_device(job.device)
    preset = precision_preset(job.precision, device)
    features, prior = load_networks(job.models, device, whole_step=True)
    assert prior is not None
    prior.check_size(job.size_px, job.size_px)
    preset.apply(features, prior)
    if job.compiled:
        compile_networks(features, prior)
    elif job.replayed:
        replay_networks(features, prior)
    rows: list[dict[str, Any]] = []
    for batch in job.batches:
        faces = _faces(job.size_px, batch, device)
        rows += _timed_runs(faces, job.steps, features, prior, device)
    return {
        "benchmark": "restore",
        "size_px": job.size_px,
        "precision": preset.name,
        "compiled": job.compiled,
        "replayed": job.replayed,
        "tf32": False,
        "timer": timer_of(device),
        "models": str(job.models or "random"),
        "runs": rows,
        **environment(device),
    }


def _faces(size_px: int, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return y_c and y_r `(B, 3, S, S)`, the same picture in every place."""
    _, coarse, reference = pictures(size_px, device)
    return coarse.repeat(batch, 1, 1, 1), reference


def _timed_runs(
    faces: tuple[Tensor, Tensor],
    steps: Sequence[int],
    features: dict[str, FeatureNetwork],
    prior: LoadedPrior,
    device: torch.device,
) -> list[dict[str, Any]]:
    coarse, reference = faces
    recipe = PDGradRecipe()

    def sampled(count: int) -> SampleResult:
        run = prepare_run(
            replace(recipe, steps=count),
            prior,
            seeded_noise(coarse, SEED),
            coarse,
            guidance=recipe.guidance(GuideImages(coarse, coarse, (reference,))),
            networks=features,
        )
        return run()

    rows: list[dict[str, Any]] = []
    for number, count in enumerate(steps):
        row: dict[str, Any] = {"batch": len(coarse), "steps": count}
        try:
            if number == 0:
                sampled(min(2, count))
            begin_peak(device)
            seconds, result = timed(lambda count=count: sampled(count), device)
        except torch.OutOfMemoryError:
            rows.append({**row, "out_of_memory": True})
            continue
        rows.append(
            {
                **row,
                "seconds": seconds,
                "seconds_per_step": seconds / count,
                "seconds_per_face": seconds / len(coarse),
                "peak_memory_bytes": peak_memory_bytes(device),
                "notes": list(result.notes),
            }
        )
    return rows

"""PGDiff's tasks, a step of ours against a step of the official code from a user's checkout."""

from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ..allocator import keep_freed_memory
from ..devices import DTYPES, environment, parse_device, parse_dtype
from ..diffusion.sampler import Sampler, StepContext
from ..errors import InvalidInputError
from ..guidance.gradients import compile_guidance
from ..guidance.targets import Restored
from ..images import load_image
from ..models.sets import load_model_set
from ..recipes import GuideImages, recipe
from .pgdiff_job import SEED, SIZE_PX, TASKS, Job, write_inputs
from .pgdiff_official import run_official
from .turns import Side, TurnTaker, take_turns


def benchmark_pgdiff(
    job: Job, tasks: Sequence[str] = tuple(TASKS), steps: int = 5, size_px: int = SIZE_PX
) -> dict[str, Any]:
    """Time every task, ours and theirs in turn, from the same noise with the same weights.

    Args:
        job: What both sides are given; its task is set to each in turn.
        tasks: Keys in `TASKS`.
        steps: Timed steps of each side and task, 1 or more.
        size_px: Side of the images; the official code knows 512 only.

    Returns:
        `tasks.<task>` with the median seconds per step, `ratio` (theirs over ours; the same for
        processor time), peak memory, and the two final states' largest difference, over theirs'
        largest value.

    Raises:
        InvalidInputError: The folder is no checkout of PGDiff, or there is no such task.
        CheckpointError: A weight file is missing.
    """
    if not (job.checkout / "inference_pgdiff.py").is_file():
        raise InvalidInputError(
            f"{job.checkout} is no checkout of pq-yang/PGDiff: it lacks inference_pgdiff.py. "
            "Clone it and give its folder with --checkout."
        )
    if steps < 1:
        raise InvalidInputError(f"The benchmark needs at least one step, not {steps}.")
    _ = parse_dtype(job.dtype)
    device = parse_device(job.device)
    job = replace(job, checkout=job.checkout.resolve(), device=str(device))
    jobs = [replace(job, task=task) for task in tasks]
    for each in jobs:
        each.weights()
    write_inputs(job.folder, size_px)
    return {
        "benchmark": "pgdiff",
        "tasks": {each.task: _compare(*take_turns(_SIDES, each, steps)) for each in jobs},
        "steps": steps,
        "size_px": size_px,
        "dtype": job.dtype,
        **environment(device),
        "threads": job.threads or torch.get_num_threads(),
    }


def run_ours(pipe: Connection, job: Job) -> None:
    """Serve our side of a task, in a process set up as our command line sets up its own."""
    keep_freed_memory()
    device = torch.device(job.device)
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    sampler, shape = _sampler(job, device)
    # The official code draws from the global generator: start first, then one draw a step.
    generator = torch.Generator(device).manual_seed(SEED)

    def noise() -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    turns = TurnTaker(pipe, device)
    x = noise()
    index = len(sampler.schedule)
    with torch.no_grad():
        while turns.wait():
            index -= 1
            context = StepContext(x, int(sampler.schedule.timesteps[index]), index)
            x = turns.take(lambda c=context: sampler.step(c, noise).x_prev)
    turns.finish(x)


_SIDES = [run_official, run_ours]


def _sampler(job: Job, device: torch.device) -> tuple[Sampler, torch.Size]:
    """Return the task's sampler as our recipe makes it, and the shape of its images."""
    row = recipe(job.recipe)
    models = load_model_set(
        job.models,
        restorer=row.restorer,
        prior=row.prior_kind,
        features=row.networks,
        device=device,
        dtype=DTYPES[job.dtype],
    )
    y, reference, mask = (
        load_image(job.folder / name / "one.png").to(device)
        for name in ("photo", "reference", "mask")
    )
    restorer = models.restorer
    assert restorer is not None
    images = GuideImages(
        y,
        Restored(restorer, y) if restorer.depends_on_x_t else y,
        (reference,) if row.needs_reference else (),
        (mask[:, :1] > 0).float() if row.mask != "none" else None,
    )
    expression = row.guidance(images)
    assert expression is not None
    guidance = compile_guidance(expression, models.features)
    return replace(row.sampler(models.prior), guidance=guidance), y.shape


def _compare(theirs: Side, ours: Side) -> dict[str, float]:
    return {
        "theirs_seconds_per_step": median(theirs.seconds),
        "ours_seconds_per_step": median(ours.seconds),
        "ratio": median(theirs.seconds) / median(ours.seconds),
        "processor_time_ratio": median(theirs.cpu_seconds) / median(ours.cpu_seconds),
        "theirs_peak_memory_bytes": theirs.peak_memory_bytes,
        "ours_peak_memory_bytes": ours.peak_memory_bytes,
        "relative_difference": float(
            (theirs.state - ours.state).abs().max() / theirs.state.abs().max()
        ),
    }

"""DifBFSR's fit against the sampling that follows it, in turns on the same machine."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from ..contractions.fit import FitSettings, advance_fits, start_fits
from ..devices import environment, peak_memory_bytes
from ..diffusion.noise import per_image_generators
from ..diffusion.priors import LoadedPrior
from ..errors import InvalidInputError


def benchmark_fit(
    prior: LoadedPrior, run_steps: int, turns: int = 4, settings: FitSettings | None = None
) -> dict[str, Any]:
    """Time the whole fit of one face, and a few of the prior's steps in between.

    Args:
        prior: Gives the face's size and the time of a step; any weights will do.
        run_steps: Steps of the sampling that the fit is compared with.
        turns: Steps timed, after one that warms up.
        settings: Of the fit; its iterations are spread over the turns.

    Returns:
        "fit_seconds" of all iterations, "step_seconds" of a step (median), "ratio" of the fit to
        `run_steps` steps, their processor times likewise, and the machine.

    Raises:
        InvalidInputError: No turn, or no step.
    """
    if turns < 1 or run_steps < 1:
        raise InvalidInputError(
            f"Give at least one turn and one step, not {turns} and {run_steps}."
        )
    settings = settings or FitSettings()
    device = next(prior.network.parameters()).device
    size = prior.image_size
    generator = torch.Generator().manual_seed(0)
    small = size // settings.scale
    face = torch.rand(1, 3, small, small, generator=generator).to(device) * 2 - 1
    x_t = torch.randn(1, 3, size, size, generator=generator).to(device)
    fits = start_fits(face, settings, per_image_generators([0]))
    advance_fits(fits, 1)
    per_turn = max(1, round(settings.iterations / turns))
    step: list[tuple[float, float]] = []
    update: list[tuple[float, float]] = []
    with torch.inference_mode(False), torch.no_grad():
        prior(x_t, 500)
        for _ in range(turns):
            step.append(_timed(lambda: prior(x_t, 500), device))
            update.append(_timed(lambda: advance_fits(fits, per_turn), device))
    share = settings.iterations / (per_turn * turns)
    found: dict[str, Any] = {"size_px": size, "iterations": settings.iterations, "steps": run_steps}
    for kind, name in enumerate(("", "cpu_")):
        found[f"fit_{name}seconds"] = share * sum(times[kind] for times in update)
        found[f"step_{name}seconds"] = statistics.median(times[kind] for times in step)
        sampling = run_steps * found[f"step_{name}seconds"]
        found[f"{name}ratio"] = found[f"fit_{name}seconds"] / sampling
    return {
        **found, "peak_memory_bytes": peak_memory_bytes(device), **environment(device)
    }  # fmt: skip


def _timed(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Return the wall and the processor time of some work."""
    _wait(device)
    began, worked = time.perf_counter(), time.process_time()
    work()
    _wait(device)
    return time.perf_counter() - began, time.process_time() - worked


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

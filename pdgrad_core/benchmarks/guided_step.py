"""A guided step of ours against the straightforward one, each in a process of its own, in turns."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ..allocator import keep_freed_memory
from ..devices import environment, parse_device
from ..diffusion.ddpm import add_noise
from ..diffusion.priors import LoadedPrior
from ..diffusion.records import Noting
from ..diffusion.sampler import Guidance, Sampler, StepContext
from ..errors import InvalidInputError
from ..features.arcface import ArcFace
from ..features.vgg import PerceptualNetwork
from ..guidance.gradients import CompiledGuidance, compile_guidance
from ..guidance.replayed import replayed_where_asked
from ..guidance.strengths.constant import Constant
from ..models.compilation import compile_networks, replay_networks
from ..models.precision import PrecisionPreset, precision_preset
from ..recipes import GuideImages
from ..recipes.pdgrad import PDGradRecipe
from ..true_float32 import true_float32
from .kernels import kernels_of
from .step_inputs import SEED, load_networks, pictures
from .straightforward import GRADIENTS, StraightforwardGuidance
from .trials import check_trials, try_out
from .turns import Side, TurnTaker, take_turns, timer_of


@dataclass(frozen=True)
class Job:
    """What is measured; both sides are given the same.

    Attributes:
        whole_step: The whole step, prior and all; else its guidance alone.
        models: Folder of weights; None for random ones built in memory.
        size_px: Side of the image.
        precision: Preset of our side; the straightforward one is float32 throughout.
        compiled: Whether our side is compiled; with CUDA it is replayed then, too.
        replayed: Whether our side is replayed as CUDA graphs, without being compiled.
        tried: What our side switches on besides, out of `TRIALS`.
        batch: Faces at once.
        device: Where both run.
        threads: CPU threads of each side; None for all.
        keep_freed_memory: Whether both sides' allocators are set as our command line sets its own,
            or left as a host leaves them.
    """

    whole_step: bool = False
    models: Path | None = None
    size_px: int = 512
    precision: str = "auto"
    compiled: bool = False
    replayed: bool = False
    tried: tuple[str, ...] = ()
    batch: int = 1
    device: str = "auto"
    threads: int | None = None
    keep_freed_memory: bool = True

    @property
    def preset(self) -> PrecisionPreset:
        """The preset that the name stands for on the device."""
        return precision_preset(self.precision, torch.device(self.device))


def benchmark_guided_step(job: Job, repeats: int = 5) -> dict[str, Any]:
    """Time the two ways in turn and compare their gradients.

    Args:
        job: What is measured.
        repeats: Timed steps of each side, after one that warms up.

    Returns:
        For each side medians of wall and processor seconds per step, the warm-up and the peak
        memory; `ratio` and `cpu_ratio` (straightforward over ours); `gradient_cosines` and the
        worst, `gradient_cosine`; for the whole step the relative difference of the two x_{t-1};
        with CUDA each side's `kernels` of a step and the share of its time in which none ran;
        `timer`, what timed the steps; `tf32`, off but where `tried` splits it.

    Raises:
        InvalidInputError: No repeats or faces, a size the networks cannot take, or an unknown
            device.
        CheckpointError: A weight file is missing.
    """
    device = parse_device(job.device)
    job = replace(job, device=str(device))
    _check(job, repeats)
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    straightforward, ours = take_turns([run_straightforward, run_ours], job, repeats)
    cosines = _cosines(straightforward.state[: len(GRADIENTS)], ours.state[: len(GRADIENTS)])
    found = {
        "benchmark": "step" if job.whole_step else "guidance",
        "size_px": job.size_px,
        "batch": job.batch,
        "precision": job.preset.name,
        "compiled": job.compiled,
        "replayed": job.replayed,
        "tried": list(job.tried),
        "tf32": {"straightforward": False, "ours": "split" if "split" in job.tried else False},
        "timer": timer_of(device),
        "keep_freed_memory": job.keep_freed_memory,
        "models": str(job.models or "random"),
        "repeats": repeats,
        "straightforward": _figures(straightforward),
        "ours": _figures(ours),
        "ratio": median(straightforward.seconds) / median(ours.seconds),
        "cpu_ratio": median(straightforward.cpu_seconds) / median(ours.cpu_seconds),
        "gradient_cosine": min(cosines.values()),
        "gradient_cosines": cosines,
    }
    if job.whole_step:
        theirs, mine = straightforward.state[-1], ours.state[-1]
        found["x_prev_relative_difference"] = float((theirs - mine).norm() / theirs.norm())
    machine = {"cpu": cpu_name(), "load_average_before": load, **environment(device)}
    return {**found, **machine, "threads": job.threads or torch.get_num_threads()}


def _check(job: Job, repeats: int) -> None:
    """Raise InvalidInputError where there is nothing to measure, or no network takes it."""
    preset = job.preset  # refuses a name that is unknown or of no use on the device
    if repeats < 1:
        raise InvalidInputError(f"The benchmark needs at least one repeat, not {repeats}.")
    if job.size_px < 64 or job.size_px % 64:
        raise InvalidInputError(f"The size must be a multiple of 64 px, not {job.size_px}.")
    if job.batch < 1:
        raise InvalidInputError(f"The benchmark needs at least one face, not {job.batch}.")
    as_it_is = job.whole_step and not job.compiled
    check_trials(job.tried, torch.device(job.device), preset, prior_as_it_is=as_it_is)


@true_float32()
def run_straightforward(pipe: Connection, job: Job) -> None:
    """Serve the straightforward side."""
    device = _set_up(job)
    features, prior = load_networks(job.models, device, whole_step=job.whole_step)
    arcface, vgg = features["arcface"], features["vgg"]
    assert isinstance(arcface, ArcFace) and isinstance(vgg, PerceptualNetwork)
    x0hat, coarse, reference = _batch_of(job, device)
    guidance = StraightforwardGuidance(arcface, vgg, coarse, reference)
    _serve(TurnTaker(pipe, device), x0hat, guidance, guidance.gradients, prior)


@true_float32()
def run_ours(pipe: Connection, job: Job) -> None:
    """Serve our side."""
    device = _set_up(job)
    features, prior = load_networks(job.models, device, whole_step=job.whole_step)
    job.preset.apply(features, prior)
    try_out(job.tried, features, prior)
    if job.compiled:
        compile_networks(features, prior)
    elif job.replayed:
        replay_networks(features, prior)
    x0hat, coarse, reference = _batch_of(job, device)
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    guidance = compile_guidance(expression, features)
    taken = replayed_where_asked(guidance, device)
    _serve(TurnTaker(pipe, device), x0hat, taken, lambda x: _named_gradients(guidance, x), prior)


def _batch_of(job: Job, device: torch.device) -> list[Tensor]:
    """Return the pictures, the same in every place of the batch."""
    return [one.repeat(job.batch, 1, 1, 1) for one in pictures(job.size_px, device)]


def cpu_name() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def _set_up(job: Job) -> torch.device:
    if job.keep_freed_memory:
        keep_freed_memory()
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    return torch.device(job.device)


def _serve(
    turns: TurnTaker,
    x0hat: Tensor,
    guidance: Guidance,
    gradients: Callable[[Tensor], Tensor],
    prior: LoadedPrior | None,
) -> None:
    """Take steps in turn; the state is the four gradients, and x_{t-1} of a whole step."""
    step, last = _guidance_step(guidance, x0hat), x0hat
    if prior is not None:
        step = _whole_step(guidance, x0hat, prior)
    with torch.no_grad():
        while turns.wait():
            last = turns.take(step)
        kernels = kernels_of(step, x0hat.device)
        parts = [part for part in (prior, guidance) if isinstance(part, Noting)]
        notes = [note for part in parts for note in part.notes]
        state = torch.cat([gradients(x0hat), last[None]])
        turns.finish(state, kernels=kernels, notes=notes)


def _guidance_step(guidance: Guidance, x0hat: Tensor) -> Callable[[], Tensor]:
    context = StepContext(x0hat, 350, 50)
    return lambda: guidance(x0hat, context).gradient


def _whole_step(guidance: Guidance, x0hat: Tensor, prior: LoadedPrior) -> Callable[[], Tensor]:
    """Return the middle step of a run of a hundred below tau = 700."""
    schedule = prior.schedule.plan(700, 100)
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(x0hat.shape, generator=generator).to(x0hat)
    context = StepContext(add_noise(x0hat, noise, schedule, 50), int(schedule.timesteps[50]), 50)
    sampler = Sampler(prior, schedule, guidance, Constant(0.1))
    return lambda: sampler.step(context, lambda: noise).x_prev


def _named_gradients(guidance: CompiledGuidance, x0hat: Tensor) -> Tensor:
    """Return our gradients in the straightforward order, `(4, B, 3, H, W)`."""
    found = guidance.gradients(x0hat, StepContext(x0hat, 350, 50))
    groups = {leaf.term.name.split(".")[0]: leaf.group for leaf in guidance.leaves}
    return found[[groups[name] for name in GRADIENTS]]


def _cosines(theirs: Tensor, ours: Tensor) -> dict[str, float]:
    pairs = zip(GRADIENTS, theirs.double().flatten(1), ours.double().flatten(1), strict=True)
    return {name: float(torch.cosine_similarity(a, b, dim=0)) for name, a, b in pairs}


def _figures(side: Side) -> dict[str, Any]:
    found: dict[str, Any] = {
        "seconds": median(side.seconds),
        "cpu_seconds": median(side.cpu_seconds),
        "warm_up_seconds": side.warm_up_seconds,
        "peak_memory_bytes": side.peak_memory_bytes,
    }
    found["notes"] = side.facts.get("notes", [])
    kernels = side.facts.get("kernels")
    if kernels is not None:
        found["kernels"] = kernels
        if "busy_seconds" in kernels:
            # Of a step that nobody watched: the profiler slows the host down, not the kernels.
            found["idle_share"] = max(0.0, 1 - kernels["busy_seconds"] / found["seconds"])
    return found

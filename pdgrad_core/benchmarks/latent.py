"""What guiding a latent model adds to a step: a decode and its adjoint, in several ways."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..devices import environment, parse_device, parse_dtype
from ..diffusion.sampler import Guided, StepContext
from ..errors import InvalidInputError
from ..guidance.latent import Decoder, LatentGuidance, View
from ..guidance.latent.views import MARGIN_CELLS
from ..guidance.strengths import make_strength
from .latent_decoders import SCALE, AutoencoderDecoder, SmallDecoder, drawn, plain_unet
from .turns import Side, TurnTaker, take_turns

WAYS = ("step", "decode", "whole", "recomputed", "tiles", "window", "small")
"""A plain step's U-Net and a plain decode without gradient; then what guiding adds, the gradient:
everything kept; blocks computed twice; in tiles; of the window around a face; by a small decoder.
"""

PLAIN = WAYS[:2]
"""Those without gradient."""


@dataclass(frozen=True)
class LatentJob:
    """What is timed.

    Attributes:
        size_px: Side of the picture, a multiple of 8.
        face_px: Side of the face in its middle, whose window is decoded.
        width: Channels of the decoder's finest level; 128 is Stable Diffusion's.
        device: "auto" for the first accelerator that is there.
        dtype: In which the decoder computes.
        threads: CPU threads; None for all.
    """

    size_px: int = 512
    face_px: int = 192
    width: int = 128
    device: str = "auto"
    dtype: str = "float32"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.size_px < 64 or self.size_px % SCALE:
            raise InvalidInputError(
                f"The picture must be 64 pixels or more and a multiple of 8, not {self.size_px}."
            )
        if not 8 <= self.face_px <= self.size_px:
            raise InvalidInputError(
                f"The face must be from 8 to {self.size_px} pixels wide, not {self.face_px}."
            )
        if self.width % 32 or self.width < 32:
            raise InvalidInputError(f"The width must be a multiple of 32, not {self.width}.")


def benchmark_latent(job: LatentJob, turns: int = 3, ways: Sequence[str] = WAYS) -> dict[str, Any]:
    """Time ways of guiding, in turns and in processes of their own.

    Args:
        job: The sizes.
        turns: Timed steps of each.
        ways: Of `WAYS`.

    Returns:
        By way the median "seconds" and "processor_seconds", "peak_memory_bytes" and "operations"
        (products and sums of the networks' layers, counted); "window_cosine", between the
        gradient of the window and that of the whole picture there, where both are among them.

    Raises:
        InvalidInputError: A way that there is not, or no turn or way is asked for.
    """
    if not ways or set(ways) - set(WAYS):
        raise InvalidInputError(f"Ways are {', '.join(WAYS)}; found {', '.join(ways) or 'none'}.")
    if turns < 1:
        raise InvalidInputError(f"The benchmark needs at least one turn, not {turns}.")
    job = replace(job, device=str(parse_device(job.device)))
    sides = take_turns([partial(serve, way=way) for way in ways], job, turns)
    by_way = dict(zip(ways, sides, strict=True))
    return {
        "benchmark": "latent",
        "size_px": job.size_px,
        "face_px": job.face_px,
        "window_px": SCALE * _window(job).height,
        "dtype": job.dtype,
        "turns": turns,
        "ways": {way: _figures(side, job, way) for way, side in by_way.items()},
        "window_cosine": _cosine(by_way, _window(job)),
        **environment(torch.device(job.device)),
        "threads": job.threads or torch.get_num_threads(),
    }


def serve(pipe: Connection, job: LatentJob, way: str) -> None:
    """Serve one way; its first turn warms up on a small picture."""
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    # One network for both: its weights count once in the peak of memory.
    network = drawn(_network(job, way)).to(device, parse_dtype(job.dtype))
    small = replace(job, size_px=64, face_px=8)
    step, warm_up = (_step(one, way, network, device) for one in (job, small))
    turns, state, warm = TurnTaker(pipe, device), torch.zeros(1), False
    while turns.wait():
        state = turns.take(step if warm else warm_up)
        warm = True
    turns.finish(state)


def _step(
    job: LatentJob, way: str, network: nn.Module, device: torch.device
) -> Callable[[], Tensor]:
    """Return what a turn computes: a U-Net's answer, a decoded picture, or dL/dz."""
    dtype = parse_dtype(job.dtype)
    z = _latents(job).to(device)

    def decode(latents: Tensor) -> Tensor:
        return network(latents.to(dtype)).float()

    def plain() -> Tensor:
        with torch.no_grad():
            return network(z, torch.full((1,), 500, device=device)) if way == "step" else decode(z)

    if way in PLAIN:
        return plain
    side = job.size_px // SCALE
    view = _window(job) if way == "window" else View(0, 0, 0, side, side)
    blocks: nn.Module | None = network if way == "recomputed" else None
    guide = LatentGuidance(
        Decoder(decode, SCALE, blocks, way == "tiles"),
        [view],
        lambda seen, _: Guided(seen),  # the loss |x|^2 / 2 costs nothing
        make_strength("dynamic", 0.2),
    )
    return lambda: guide.gradient(z, StepContext(z, 500, 0)).gradient


def _network(job: LatentJob, way: str) -> nn.Module:
    if way == "step":
        return plain_unet(job.width)
    return SmallDecoder() if way == "small" else AutoencoderDecoder(width=job.width)


def _latents(job: LatentJob) -> Tensor:
    side = job.size_px // SCALE
    return torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(1))


def _window(job: LatentJob) -> View:
    """Return the window around the face in the middle, as placements get it."""
    side = job.size_px // SCALE
    wanted = min(side, -(-job.face_px // SCALE) + 2 * MARGIN_CELLS)
    start = (side - wanted) // 2
    return View(0, start, start, wanted, wanted)


def _figures(side: Side, job: LatentJob, way: str) -> dict[str, float]:
    return {
        "seconds": median(side.seconds),
        "processor_seconds": median(side.cpu_seconds),
        "peak_memory_bytes": side.peak_memory_bytes,
        "operations": operations(job, way),
    }


def operations(job: LatentJob, way: str) -> int:
    """Return the products and sums of the layers that a way computes, both counted."""
    with torch.device("meta"):
        network = _network(job, way)
    side = _window(job).height if way == "window" else job.size_px // SCALE
    counter = FlopCounterMode(display=False)
    with counter, torch.enable_grad():
        z = torch.zeros(1, 4, side, side, device="meta", requires_grad=way not in PLAIN)
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        times = [torch.zeros(1, device="meta")] if way == "step" else []
        pixels = network(z.clone(), *times)  # the counter takes no leaf
        forward = counter.get_total_flops()
        if way not in PLAIN:
            torch.autograd.grad(pixels, z, torch.zeros_like(pixels))
    total = counter.get_total_flops()
    return total + forward if way in ("recomputed", "tiles") else total


def _cosine(sides: Mapping[str, Side], window: View) -> float | None:
    if not {"whole", "window"} <= set(sides):
        return None
    whole, part = (window.latents(sides[way].state).flatten() for way in ("whole", "window"))
    return float(torch.cosine_similarity(whole, part, dim=0))

"""How much restored video flickers, with each frame's own noise and with the same for all."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..degradations import degrade, preset
from ..errors import InvalidInputError
from ..faces.identity import sample_identities
from ..faces.render import render
from ..faces.view import sample_views
from ..metrics import METRICS
from ..models.sets import ModelSet
from ..pipeline import restore_faces
from ..sequences import NOISES, photo_seed
from ..settings import Settings

PEOPLE_SEED = 3_000_000
"""The first test person: no embedded model was trained on these."""

MOVES = {"yaw": 0.12, "pitch": 0.05, "smile": 0.3, "mouth_open": 0.15}
"""What moves, and how far to both sides over a sequence: radians, or the parameter's own unit."""


@dataclass(frozen=True)
class Sequence:
    """One drawn person in motion.

    Attributes:
        truth: `(T, 3, S, S)` in [-1, 1].
        degraded: Put through the same blur, size and compression, each frame with its own grain.
        reference: `(1, 3, S, S)`, another picture of the person.
    """

    truth: Tensor
    degraded: Tensor
    reference: Tensor


def draw_sequence(person: int, frames: int, size_px: int, degradation: str) -> Sequence:
    """Draw a person who slowly turns, nods, smiles and speaks: half a swing over the sequence.

    Args:
        person: Seed of identity, view and degradation.
        frames: T, 2 or more.
        size_px: Side of a face.
        degradation: Name of a preset; one member of its range is drawn for the whole sequence.
    """
    if frames < 2:
        raise InvalidInputError(f"Flicker is between frames, so it takes 2 or more, not {frames}.")
    swing = torch.linspace(-math.pi / 2, math.pi / 2, frames).sin()
    still = sample_views([1000 * person], jitter=0.0).repeat(frames)
    moved = {name: getattr(still, name) + far * swing for name, far in MOVES.items()}
    moved["mouth_open"] = moved["mouth_open"].clamp(0, 1)
    who = sample_identities([person])
    truth = render(who.repeat(frames), replace(still, **moved), size_px, parts=False).images
    other = render(who, sample_views([1000 * person + 1], jitter=0.0), size_px, parts=False).images
    camera = preset(degradation).draw(person, size_px)
    degraded, _ = degrade(truth, camera, range(1000 * person, 1000 * person + frames))
    return Sequence(truth, degraded, other)


def movement(frames: Tensor) -> float:
    """Return the mean step from frame to frame, of 255."""
    return _levels(frames.diff(dim=0))


def flicker(frames: Tensor, truth: Tensor) -> float:
    """Return the mean step from frame to frame that is not the truth's, of 255."""
    return _levels(frames.diff(dim=0) - truth.diff(dim=0))


def benchmark_flicker(
    models: ModelSet,
    settings: Settings,
    *,
    people: int = 8,
    frames: int = 16,
    degradation: str = "pdgrad",
) -> dict[str, Any]:
    """Restore drawn sequences with both kinds of noise, and measure what changes between frames.

    Args:
        models: What restores them.
        settings: The recipe, its numbers, and the seed of every sequence.
        people: Number of sequences.
        frames: Of each sequence.
        degradation: Name of a preset.

    Returns:
        By kind of frames ("truth", "degraded", "coarse", then each of `NOISES`): the mean
        "movement" and "flicker" of 255, and "psnr" in dB.
    """
    names = ("truth", "degraded", "coarse", *NOISES)
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    psnr = METRICS["psnr"]()
    for person in range(PEOPLE_SEED, PEOPLE_SEED + people):
        drawn = draw_sequence(person, frames, models.prior.image_size, degradation)
        shown = {"truth": drawn.truth, "degraded": drawn.degraded}
        for noise in NOISES:
            seeds = [photo_seed(settings.seed, number, noise) for number in range(frames)]
            found = restore_faces(drawn.degraded, [drawn.reference], models, settings, seeds=seeds)
            shown["coarse"], shown[noise] = found.coarse.cpu(), found.image.cpu()
        for name, pictures in shown.items():
            score = math.inf if name == "truth" else float(psnr(pictures, drawn.truth).mean())
            rows[name].append((movement(pictures), flicker(pictures, drawn.truth), score))
    return {
        "people": people,
        "frames": frames,
        "degradation": degradation,
        "settings": settings.resolved().values(),
        "rows": {name: _mean(found) for name, found in rows.items()},
    }


def _mean(found: list[tuple[float, float, float]]) -> dict[str, float]:
    columns = zip(*found, strict=True)
    return {
        name: sum(column) / len(column)
        for name, column in zip(("movement", "flicker", "psnr"), columns, strict=True)
    }


def _levels(difference: Tensor) -> float:
    return float(difference.abs().mean() * 127.5)

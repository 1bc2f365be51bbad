r"""Measure what guidance of a model's estimate does to identity, image to image, on drawn faces.

    python scripts/measure_any_model.py --out docs/evidence/any_model.csv

The model is the embedded prior as Euler steps see it, whose latents are its pixels: what is
measured is the guidance, not a decoder. Degraded held-out faces are noised to tau and sampled back,
alone and in several ways of guiding; networks that guided nothing score the results, with 95%
intervals by person.
"""

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pdgrad_core.contractions.low_pass import LowPass
from pdgrad_core.degradations import degrade
from pdgrad_core.diffusion.ddpm import predict_x0
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.errors import PDGradError
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.evidence.statistics import interval
from pdgrad_core.faces.people import Pairs, drawn_pairs
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.latent import (
    Decoder,
    GuidedSteps,
    LatentGuidance,
    LatentLowPass,
    in_latents,
    views_of_pictures,
)
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.guidance.terms import Term
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.models.scorers import Scorers, load_with_scorers
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.outputs import Output, check_outputs

METRICS = ("deg", "lpips", "psnr")
TAU, STEPS, BATCH, SEED = 500, 20, 12, 5


@dataclass(frozen=True)
class Way:
    """One way of sampling.

    Attributes:
        name: In the table.
        strength: s; 0 for no guidance.
        every: k.
        jitter_px: See `LatentGuidance`.
        low_pass: l of a contraction towards the degraded face; 0 for none.
    """

    name: str
    strength: float = 0.0
    every: int = 1
    jitter_px: float = 1.0
    low_pass: float = 0.0


WAYS = (
    Way("alone"),
    Way("strength 0.05", 0.05),
    Way("strength 0.15", 0.15),
    Way("strength 0.3", 0.3),
    Way("strength 0.15, every 2nd step", 0.15, every=2),
    Way("strength 0.15, every 4th step", 0.15, every=4),
    Way("strength 0.15, no jitter", 0.15, jitter_px=0.0),
    Way("low-pass of 8", low_pass=8.0),
    Way("low-pass of 8, strength 0.15", 0.15, low_pass=8.0),
)


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=24, help="one face each")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    args = parser.parse_args()
    try:
        check_outputs([Output("--out", args.out)], [])
        write_csv(measure(args.people), args.out)
    except (PDGradError, OSError) as error:
        sys.exit(f"measure_any_model: {error}")


def measure(people: int) -> list[dict[str, Any]]:
    """Return a row per way, and one of the degraded faces themselves."""
    models, scorers = load_with_scorers()
    pairs = drawn_pairs("test", people)
    degraded, _ = degrade(pairs.truth, "pdgrad", 0)
    found = {"degraded": degraded}
    for way in WAYS:
        parts = [
            sampled(way, models, degraded[which], pairs.reference[which], which)
            for which in torch.arange(people).split(BATCH)
        ]
        found[way.name] = torch.cat(parts)
    return [row(name, result, pairs, scorers) for name, result in found.items()]


@torch.no_grad()
def sampled(
    way: Way, models: ModelSet, degraded: Tensor, reference: Tensor, which: Tensor
) -> Tensor:
    """Return what Euler steps make of degraded faces, `(B, 3, S, S)` in [-1, 1]."""
    plan = models.prior.schedule.plan(TAU, STEPS)
    sigmas = [*reversed(plan.sqrt_recipm1_alphas_cumprod.tolist()), 0.0]
    x = degraded + sigmas[0] * seeded_noise(degraded, SEED + int(which[0]))()
    guide = guide_of(way, models, reference, x)
    filters: list[LatentLowPass] = []
    if way.low_pass:
        filters = in_latents([LowPass(degraded, factor=way.low_pass)], lambda one: one, 1)
    # The last tenth of the prior's schedule is its own, as the node's default has it.
    end = float(models.prior.schedule.sqrt_recipm1_alphas_cumprod[100])
    steps = GuidedSteps(sigmas, end=end, every=way.every)
    for number, (sigma, following) in enumerate(pairwise(sigmas)):
        index = len(plan) - 1 - number
        t, x_t = int(plan.timesteps[index]), x / (1 + sigma**2) ** 0.5
        prediction = models.prior(x_t, t).prediction
        x0hat = predict_x0(prediction, x_t, plan, index, models.prior.prediction).clamp(-1, 1)
        context = StepContext(x_t, t, number)
        if steps.within(sigma):
            for contract in filters:
                x0hat = contract(x0hat, context)
        if way.strength and steps.is_guided(sigma):
            x0hat = guide(x0hat, x, context)
        x = x + (x - x0hat) / sigma * (following - sigma)
    return x.clamp(-1, 1)


def guide_of(way: Way, models: ModelSet, reference: Tensor, x: Tensor) -> LatentGuidance:
    """Return the pull towards the reference's identity."""
    term = Term("person", IdentityLoss("high"), reference)
    return LatentGuidance(
        Decoder(lambda z: z, 1),
        views_of_pictures(x.shape),
        compile_guidance(term, models.features),
        make_strength("dynamic", way.strength),
        jitter_px=way.jitter_px,
        seed=SEED,
    )


def row(name: str, result: Tensor, pairs: Pairs, scorers: Scorers) -> dict[str, Any]:
    """Return a row of the table: each metric's mean with its interval."""
    scores = scorers.score(result, pairs.truth, METRICS)
    found: dict[str, Any] = {"way": name, "faces": len(result)}
    for metric in METRICS:
        spread = interval(scores[metric].numpy(), pairs.person.numpy())
        found[metric] = round(spread.mean, 4)
        found[f"{metric}_low"] = round(spread.low, 4)
        found[f"{metric}_high"] = round(spread.high, 4)
    return found


if __name__ == "__main__":
    main()

"""What guidance through a decoder does to faces, image to image, in several ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from autoencoders import SCALE, Autoencoder, Previewer, parts_of
from objectives import TIMES, load_autoencoder, load_flow, load_previewer
from scenes import FACE_PX, SIDE_PX, Scenes, split_scenes
from torch import Tensor

from pdgrad_core.contractions.low_pass import LowPass
from pdgrad_core.degradations import degrade
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.diffusion.unet import UNet
from pdgrad_core.evidence.statistics import difference, interval
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.people import DRAWN_SEEDS, VIEWS_PER_PERSON
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.guidance.latent import (
    Decoder,
    GuidedSteps,
    LatentGuidance,
    in_latents,
    views_of_faces,
)
from pdgrad_core.guidance.strengths import make_strength
from pdgrad_core.guidance.terms import Term
from pdgrad_core.images import save_image
from pdgrad_core.losses.identity import IdentityLoss
from pdgrad_core.models.scorers import Scorers, load_with_scorers
from pdgrad_core.models.sets import ModelSet
from pdgrad_core.training.sheet import tile

METRICS = ("deg", "lpips", "psnr")
NOISE, STEPS, BATCH, SEED = 0.5, 20, 8, 5
END = 0.1
"""The last tenth of the schedule is the model's own, as the node's default has it."""

SHOWN = (
    "degraded", "alone", "strength 0.15", "strength 0.3", "strength 0.6", "small decoder",
    "reference", "truth",
)  # fmt: skip
"""Columns of the picture."""

SHOWN_PEOPLE = 6


@dataclass(frozen=True)
class Way:
    """One way of sampling.

    Attributes:
        name: In the table.
        strength: s; 0 for no guidance.
        every: k.
        jitter_px: See `LatentGuidance`.
        small: Whether the previewer decodes.
        margin: Cells decoded around the face; None for the whole picture.
        low_pass: l of a contraction towards the degraded picture, pixels; 0 for none.
    """

    name: str
    strength: float = 0.0
    every: int = 1
    jitter_px: float = 1.0
    small: bool = False
    margin: int | None = None
    low_pass: float = 0.0


WAYS = (
    Way("alone"),
    Way("strength 0.05", 0.05),
    Way("strength 0.15", 0.15),
    Way("strength 0.3", 0.3),
    Way("strength 0.6", 0.6),
    Way("every 2nd step", 0.15, every=2),
    Way("every 2nd step, strength 0.3", 0.3, every=2),
    Way("every 4th step", 0.15, every=4),
    Way("no jitter", 0.15, jitter_px=0.0),
    Way("window of 2 cells around", 0.15, margin=2),
    Way("window of the face alone", 0.15, margin=0),
    Way("small decoder", 0.15, small=True),
    Way("low-pass of 16", low_pass=16.0),
    Way("low-pass of 16, strength 0.15", 0.15, low_pass=16.0),
)
"""Of strength 0.15 and by the whole decoder where a name says nothing else."""


@dataclass(frozen=True)
class LatentModel:
    """The three networks.

    Attributes:
        autoencoder: Pixels to latents and back.
        previewer: Latents to pixels, cheaply.
        flow: eps - z at (1 - s) z + s eps.
    """

    autoencoder: Autoencoder
    previewer: Previewer
    flow: UNet

    def estimate(self, x: Tensor, s: float) -> Tensor:
        """Return z0hat at noise level s."""
        return x - s * self.flow(x, torch.full((len(x),), TIMES * s))


@dataclass(frozen=True)
class Case:
    """What is restored.

    Attributes:
        scenes: The truth.
        degraded: `(N, 3, S, S)` in [-1, 1].
        reference: The same persons' aligned faces in another view.
        person: `(N,)` int64.
    """

    scenes: Scenes
    degraded: Tensor
    reference: Tensor
    person: Tensor

    def of(self, which: Tensor) -> "Case":
        """Return only some rows."""
        scenes = Scenes(self.scenes.images[which], self.scenes.corners[which])
        return Case(scenes, self.degraded[which], self.reference[which], self.person[which])


def measure(
    folder: Path, split: str, people: int, picture: Path | None = None
) -> list[dict[str, Any]]:
    """Return a row per way, and rows of the degraded pictures and of the decoded truth."""
    model = LatentModel(
        load_autoencoder(folder / "autoencoder.safetensors"),
        load_previewer(folder / "previewer.safetensors"),
        load_flow(folder / "flow.safetensors"),
    )
    models, scorers = load_with_scorers()
    case = draw_case(split, people)
    truth = case.scenes.images
    found = {
        "degraded": case.degraded,
        "truth, encoded and decoded": decoded(model, model.autoencoder.encode(truth)),
    }
    cosines: dict[str, float] = {}
    for way in WAYS:
        latents = [
            sampled(way, model, models, case.of(which), int(which[0]))
            for which in torch.arange(people).split(BATCH)
        ]
        found[way.name] = decoded(model, torch.cat(latents))
        if way.small or way.margin is not None:
            cosines[way.name] = agreement(way, model, models, case.of(torch.arange(BATCH)))
    if picture is not None:
        save_image(sheet(found, case), picture)
    alone = scores_of(found["alone"], case, scorers)
    return [
        row(name, scores_of(pictures, case, scorers), alone, case.person, cosines.get(name))
        for name, pictures in found.items()
    ]


def draw_case(split: str, people: int) -> Case:
    """Draw held-out persons, degrade one view and take another one as the reference."""
    scenes = split_scenes(split, people, 1)
    persons = [DRAWN_SEEDS[split] + i for i in range(people)]
    other = sample_views([who * VIEWS_PER_PERSON + 1 for who in persons])
    reference = render(sample_identities(persons), other, FACE_PX, parts=False).images
    degraded, _ = degrade(scenes.images, "pdgrad", 0, FACE_PX)
    return Case(scenes, degraded, reference, torch.tensor(persons))


def decoded(model: LatentModel, z: Tensor) -> Tensor:
    """Return pixels in [-1, 1], always by the whole decoder."""
    return parts_of(z, model.autoencoder.decode).clamp(-1, 1)


@torch.no_grad()
def sampled(way: Way, model: LatentModel, models: ModelSet, case: Case, seed: int) -> Tensor:
    """Return the latents that Euler steps make of degraded pictures."""
    z = model.autoencoder.encode(case.degraded)
    levels = torch.linspace(NOISE, 0, STEPS + 1).tolist()
    x = (1 - NOISE) * z + NOISE * seeded_noise(z, SEED + seed)()
    guide = guide_of(way, model, models, case)
    kept = [LowPass(case.degraded, factor=way.low_pass)] if way.low_pass else []
    filters = in_latents(kept, model.autoencoder.encode, SCALE)
    steps = GuidedSteps(levels, end=END, every=way.every)
    for number, (s, following) in enumerate(pairwise(levels)):
        z0hat = model.estimate(x, s)
        context = StepContext(x, int(TIMES * s), number)
        if steps.within(s):
            for contract in filters:
                z0hat = contract(z0hat, context)
        if way.strength and steps.is_guided(s):
            z0hat = guide(z0hat, x, context)
        x = x + (x - z0hat) / s * (following - s)
    return x


def guide_of(way: Way, model: LatentModel, models: ModelSet, case: Case) -> LatentGuidance:
    """Return the pull of the faces towards their references' identity."""
    decode = model.previewer if way.small else model.autoencoder.decode
    term = Term("person", IdentityLoss("high"), case.reference)
    cells = SIDE_PX // SCALE
    views = views_of_faces(
        case.scenes.aligned(), (SIDE_PX, SIDE_PX), (len(case.person), 4, cells, cells), SCALE,
        way.margin is not None, way.margin or 0,
    )  # fmt: skip
    return LatentGuidance(
        Decoder(decode, SCALE),
        views,
        compile_guidance(term, models.features),
        make_strength("dynamic", way.strength),
        jitter_px=way.jitter_px,
        seed=SEED,
    )


@torch.no_grad()
def agreement(way: Way, model: LatentModel, models: ModelSet, case: Case) -> float:
    """Return the mean cosine of a way's gradient with the whole decoder's, at the same estimates.

    The estimates are those of the model alone, at each guided noise level.
    """
    z = model.autoencoder.encode(case.degraded)
    eps = seeded_noise(z, SEED)()
    whole, other = (guide_of(one, model, models, case) for one in (Way("whole", 0.15), way))
    found: list[Tensor] = []
    for number, s in enumerate(torch.linspace(NOISE, END, STEPS // 2).tolist()):
        z0hat = model.estimate((1 - s) * z + s * eps, s)
        context = StepContext(z, int(TIMES * s), number)
        one, two = (g.gradient(z0hat, context).gradient.flatten(1) for g in (whole, other))
        found.append(torch.cosine_similarity(one, two))
    return float(torch.stack(found).mean())


def scores_of(pictures: Tensor, case: Case, scorers: Scorers) -> dict[str, Tensor]:
    """Return each face's scores against the truth, by networks that guided nothing."""
    faces, truth = case.scenes.faces_of(pictures), case.scenes.faces_of(case.scenes.images)
    return scorers.score(faces, truth, METRICS)


def row(
    name: str,
    scores: dict[str, Tensor],
    alone: dict[str, Tensor],
    person: Tensor,
    cosine: float | None,
) -> dict[str, Any]:
    """Return a row of the table: means with their intervals, and Deg against the model alone."""
    found: dict[str, Any] = {"way": name, "faces": len(person)}
    spreads = {metric: interval(scores[metric].numpy(), person.numpy()) for metric in METRICS}
    change = difference(scores["deg"].numpy(), alone["deg"].numpy(), person.numpy())
    spreads["deg_against_alone"] = change.interval
    for metric, spread in spreads.items():
        found[metric] = round(spread.mean, 4)
        found[f"{metric}_low"] = round(spread.low, 4)
        found[f"{metric}_high"] = round(spread.high, 4)
    found["gradient_cosine"] = "" if cosine is None else round(cosine, 4)
    return found


def sheet(found: dict[str, Tensor], case: Case) -> Tensor:
    """Return the first people in rows, the columns of `SHOWN`."""
    faces = {name: case.scenes.faces_of(pictures) for name, pictures in found.items()}
    faces |= {"reference": case.reference, "truth": case.scenes.faces_of(case.scenes.images)}
    rows: Sequence[Tensor] = [
        torch.stack([faces[name][person] for name in SHOWN])
        for person in range(min(SHOWN_PEOPLE, len(case.person)))
    ]
    return tile(list(rows))

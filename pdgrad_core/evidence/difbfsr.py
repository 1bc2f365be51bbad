"""The study of DifBFSR: Table 4's rows, the readings of its equations, and guidance on top.

Every row restores the same faces under the same eight degradations, with the same noise in the same
steps; only where sampling starts and what contracts it differ.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..contractions import Contraction
from ..contractions.difbfsr import DifBFSR
from ..contractions.fit import FitSettings
from ..contractions.low_pass import LowPass
from ..degradations import Degradation, degrade, preset
from ..degradations.presets import PUBLISHED_SIZE_PX
from ..devices import parse_device
from ..diffusion.noise import PerImageNoise, per_image_generators
from ..diffusion.sampler import Sampler
from ..embedded import Scorers
from ..guidance.gradients import compile_guidance
from ..guidance.strength import make_strength
from ..images import resize
from ..models.sets import ModelSet
from ..recipe_base import GuideImages
from ..recipes import recipe
from ..weights.integrity import sha256_of
from .difbfsr_report import write_report
from .difbfsr_rows import ENLARGEMENTS, Row, chosen_rows
from .networks import load_networks
from .options import StudyOptions
from .pairs import Pairs, drawn_pairs, stored_pairs
from .runs import Result, claim_folder, write_text
from .scores import score

logger = logging.getLogger(__name__)

SCALE = 4
PEOPLE = 25
STORED_TUNING_PEOPLE = 8
STEPS = 25
FIT_SEED = 7_000_000


def cases_for(size_px: int) -> tuple[Degradation, ...]:
    """Return the paper's eight cases, hard to easy, for faces of this size.

    The kernels' widths are scaled by size / 512; the scale of 4, the noise and the JPEG quality are
    as published.
    """
    factor = size_px / PUBLISHED_SIZE_PX
    return tuple(
        replace(
            case,
            kernel_px=2 * max(1, round((case.kernel_px - 1) * factor / 2)) + 1,
            sigma_px=(case.sigma_px[0] * factor, case.sigma_px[1] * factor),
        )
        for case in preset("difbfsr").cases
    )


@dataclass(frozen=True)
class Faces:
    """The faces of the study under every case, case by case.

    Attributes:
        pairs: Truth and references, as often as there are cases.
        low: y, `(N, 3, S / 4, S / 4)` in [-1, 1].
        models: What restores.
        batch: Images at a time.
    """

    pairs: Pairs
    low: Tensor
    models: ModelSet
    batch: int

    _known: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def picture(self, name: str) -> Tensor:
        """Return "bicubic" y, "coarse" y_c, or y enlarged by `ENLARGEMENTS`: `(N, 3, S, S)`.

        What was computed once is kept.
        """
        if name not in self._known:
            self._known[name] = self._picture(name)
        return self._known[name]

    def _picture(self, name: str) -> Tensor:
        parts = torch.arange(len(self.low)).split(self.batch)
        if name == "bicubic":
            height, width = self.pairs.truth.shape[-2:]
            return resize(self.low, height, width, "bicubic").clamp(-1, 1)
        if name == "coarse":
            restorer, bicubic = self.models.restorer, self.picture("bicubic")
            assert restorer is not None
            return torch.cat([restorer(bicubic[rows].to(self.device)).cpu() for rows in parts])
        values = ENLARGEMENTS[name]
        return torch.cat([self.contraction(rows, **values).prepare().cpu() for rows in parts])

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.models.prior.network.parameters()).device

    def contraction(self, rows: Tensor, **values: Any) -> DifBFSR:
        """Return DifBFSR's contraction for some of the faces; a face keeps its seed."""
        generators = per_image_generators([FIT_SEED + int(row) for row in rows])
        low = self.low[rows].to(self.device)
        return DifBFSR(low, generators=generators, scale=SCALE, **values)


def prepare(pairs: Pairs, models: ModelSet, batch: int) -> Faces:
    """Degrade every face by every case."""
    cases = cases_for(pairs.truth.shape[-1])
    low = [degrade(pairs.truth, case, 10_000 * i)[0] for i, case in enumerate(cases)]
    count = len(cases)
    every = Pairs(
        pairs.truth.repeat(count, 1, 1, 1),
        pairs.reference.repeat(count, 1, 1, 1),
        pairs.person.repeat(count),
    )
    return Faces(every, torch.cat(low), models, batch)


def restore(faces: Faces, row: Row, tau: int, steps: int) -> Tensor:
    """Return a row's results, `(N, 3, S, S)` in [-1, 1].

    Args:
        faces: What to restore.
        row: How.
        tau: Where sampling starts.
        steps: Steps executed.
    """
    start = faces.picture(row.start)
    if not row.sampled:
        return start
    prior = faces.models.prior
    plan = prior.schedule.plan(tau, steps)
    results: list[Tensor] = []
    for rows in torch.arange(len(faces.low)).split(faces.batch):
        sampler = Sampler(prior, plan, contractions=_contractions(faces, row, rows, steps))
        if row.guided:
            sampler = _guided(sampler, faces, rows)
        generators = per_image_generators([int(index) for index in rows])
        noise = PerImageNoise(generators, start.shape[1:], faces.device)
        x_tau = sampler.start_from(start[rows].to(faces.device), noise)
        results.append(sampler.run(x_tau, noise).image.clamp(-1, 1).cpu())
    return torch.cat(results)


def _contractions(faces: Faces, row: Row, rows: Tensor, steps: int) -> list[Contraction]:
    if row.towards is None:
        return []
    if row.towards == "along":
        # About as many updates in all as before sampling.
        per_step = max(1, round(FitSettings.iterations / steps))
        along = {"fit": "along", "iterations_per_step": per_step, **row.values}
        return [faces.contraction(rows, **along)]
    return [LowPass(faces.picture(row.towards)[rows].to(faces.device), factor=SCALE, **row.values)]


def _guided(sampler: Sampler, faces: Faces, rows: Tensor) -> Sampler:
    pdgrad = recipe("pdgrad")
    assert pdgrad.build is not None
    coarse, reference, bicubic = (
        images[rows].to(faces.device)
        for images in (faces.picture("coarse"), faces.pairs.reference, faces.picture("bicubic"))
    )
    expression = pdgrad.build(GuideImages(bicubic, coarse, (reference,)))
    guidance = compile_guidance(expression, faces.models.features)
    strength = make_strength(pdgrad.strength_mode, pdgrad.strength)
    return replace(sampler, guidance=guidance, strength=strength)


def run_study(options: StudyOptions) -> list[Path]:
    """Run the study, or what is left of it, and write its tables.

    Args:
        options: See `StudyOptions`; `methods` are names of `ROWS`.

    Returns:
        The files written into `options.out`.

    Raises:
        PDGradError: Networks, pictures or names are missing or do not fit; raised before any work.
    """
    rows = chosen_rows(options.methods)
    models, scorers = load_networks(options.models, parse_device(options.device))
    steps = options.steps or STEPS
    pairs = _pairs(options, models.prior.image_size)
    facts = {
        "networks": {role: sha256_of(path) for role, path in models.paths.items()},
        "images": options.images.name if options.images else "drawn",
        "people": len(set(pairs.person.tolist())),
        "steps": steps,
    }
    claim_folder(options.out, facts, options.resume)
    faces = prepare(pairs, models, options.batch)
    results: list[tuple[Row, int | None, Result]] = []
    for row in rows:
        for tau in row.taus if row.sampled else (None,):
            path = options.out / "runs" / f"{row.name}-tau{tau or 0}.json"
            result = _kept(path, lambda r=row, t=tau: _run(faces, r, t or 0, steps, scorers))
            logger.info(
                "%s tau %s: PSNR %.2f LPIPS %.4f",
                row.name, tau, result.mean("psnr"), result.mean("lpips"),
            )  # fmt: skip
            results.append((row, tau, result))
    stem = f"difbfsr_{options.images.stem if options.images else 'drawn'}"
    titles = {row.name: row.title for row in rows}
    entries = [(row.name, tau, result) for row, tau, result in results]
    return write_report(options.out, stem, titles, entries, len(faces.low) // len(pairs))


def _pairs(options: StudyOptions, size: int) -> Pairs:
    if options.images is None:
        return drawn_pairs("test", options.n or PEOPLE, size, options.pairs)
    tuning = options.tuning or STORED_TUNING_PEOPLE
    return stored_pairs(options.images, "test", options.n, size, options.pairs, tuning)


def _run(faces: Faces, row: Row, tau: int, steps: int, scorers: Scorers) -> Result:
    began = time.perf_counter()
    images = restore(faces, row, tau, steps)
    seconds = time.perf_counter() - began
    parts = [
        score(some.to(faces.device), true.to(faces.device), scorers)
        for some, true in zip(
            images.split(faces.batch), faces.pairs.truth.split(faces.batch), strict=True
        )
    ]
    scores = {name: torch.cat([part[name] for part in parts]).tolist() for name in parts[0]}
    return Result(row.name, None, faces.pairs.person.tolist(), scores, seconds=seconds)


def _kept(path: Path, compute: Callable[[], Result]) -> Result:
    """Return the result in the file, computed and written if it is not there."""
    if path.is_file():
        return Result(**json.loads(path.read_text(encoding="utf-8")))
    result = compute()
    write_text(path, json.dumps(asdict(result)) + "\n")
    return result

"""Restoring a set of faces with one method and one choice of settings, kept for a later start."""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..diffusion.noise import PerImageNoise, per_image_generators
from ..diffusion.sampler import Record, Sampler
from ..embedded import Scorers
from ..errors import InvalidInputError
from ..guidance.gradients import compile_guidance
from ..guidance.strength import make_strength
from ..images import write_whole
from ..models.sets import ModelSet
from ..recipe_base import GuideImages
from .conflicts import summarise
from .methods import Choice, Method
from .pairs import Pairs, degrade_pairs
from .scores import score


@dataclass(frozen=True)
class FaceSet:
    """Degraded faces with what every method is given.

    Attributes:
        name: In file names.
        pairs: Truth and references.
        degraded: y, `(N, 3, S, S)` in [-1, 1].
        coarse: y_c, the same shape.
        seed: Of the first picture's noise; the next pictures take the next numbers.
    """

    name: str
    pairs: Pairs
    degraded: Tensor
    coarse: Tensor
    seed: int


@dataclass(frozen=True)
class Result:
    """The scores of one run, picture by picture.

    Attributes:
        method: Name of the method.
        choice: Its settings; None for a picture that was there already.
        person: Whose picture each is.
        scores: Values of each metric, one per picture.
        steps: Conflict statistics of each step; see `conflicts.summarise`.
        seconds: Sampling time of the whole run.
    """

    method: str
    choice: Choice | None
    person: list[int]
    scores: dict[str, list[float]]
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seconds: float = 0.0

    def mean(self, metric: str) -> float:
        """Return a metric's mean."""
        return sum(self.scores[metric]) / len(self.scores[metric])


@dataclass(frozen=True)
class Trial:
    """One setting tried while tuning.

    Attributes:
        result: Its scores on the tuning people.
        objective: What tuning makes small.
        chosen: Whether it won.
    """

    result: Result
    objective: float
    chosen: bool = False


def prepare(
    name: str, pairs: Pairs, degree: str, models: ModelSet, seed: int, batch: int
) -> FaceSet:
    """Degrade a set of faces and restore them coarsely.

    Args:
        name: Of the set.
        pairs: The faces.
        degree: Key in `DEGREES`.
        models: With the coarse restorer.
        seed: Of the degradations and of the noise.
        batch: Images at a time.
    """
    assert models.restorer is not None
    device = _device(models)
    degraded, _ = degrade_pairs(pairs, degree, seed)
    coarse = [models.restorer(part.to(device)).cpu() for part in degraded.split(batch)]
    return FaceSet(name, pairs, degraded, torch.cat(coarse).clamp(-1, 1), seed)


def restore_set(
    faces: FaceSet, method: Method, choice: Choice | None, models: ModelSet, batch: int
) -> tuple[Tensor, list[list[Record]]]:
    """Return a method's results `(N, 3, S, S)`, and the trace of each batch.

    Args:
        faces: What to restore.
        method: How.
        choice: With which settings; None for a picture that is there already.
        models: The networks.
        batch: Images at a time.
    """
    if method.picture is not None:
        pictures = {"reference": faces.pairs.reference, "coarse": faces.coarse}
        return pictures.get(method.picture, faces.degraded), []
    assert choice is not None
    results: list[Tensor] = []
    traces: list[list[Record]] = []
    for rows in torch.arange(len(faces.pairs)).split(batch):
        image, trace = _restore_batch(faces, rows, method, choice, models)
        results.append(image)
        traces.append(trace)
    return torch.cat(results), traces


def _restore_batch(
    faces: FaceSet, rows: Tensor, method: Method, choice: Choice, models: ModelSet
) -> tuple[Tensor, list[Record]]:
    device = _device(models)
    degraded, coarse, reference = (
        images[rows].to(device) for images in (faces.degraded, faces.coarse, faces.pairs.reference)
    )
    expression = method.build(GuideImages(degraded, coarse, (reference,)), choice)
    sampler = Sampler(models.prior, models.prior.schedule.plan(choice.tau, choice.steps, None))
    if expression is not None:
        sampler = replace(
            sampler,
            guidance=compile_guidance(expression, models.features),
            strength=make_strength(choice.strength_mode, choice.strength),
        )
    generators = per_image_generators([faces.seed + int(row) for row in rows])
    noise = PerImageNoise(generators, coarse.shape[1:], device)
    found = sampler.run(sampler.start_from(coarse, noise), noise)
    return found.image.clamp(-1, 1).cpu(), found.trace


@dataclass(frozen=True)
class Laboratory:
    """Networks, and a folder that remembers every run.

    Attributes:
        models: What restores.
        scorers: What scores.
        folder: Where results are kept.
        batch: Images at a time.
    """

    models: ModelSet
    scorers: Scorers
    folder: Path
    batch: int

    def run(self, faces: FaceSet, method: Method, choice: Choice | None) -> Result:
        """Return the scores of a method on a set, from the folder where they are there already."""
        label = choice.label() if choice else "picture"
        path = self.folder / faces.name / f"{method.name}-{label}.json"
        if path.is_file():
            return _read(path)
        began = time.perf_counter()
        images, traces = restore_set(faces, method, choice, self.models, self.batch)
        seconds = time.perf_counter() - began
        result = Result(
            method.name,
            choice,
            faces.pairs.person.tolist(),
            self._scores(images, faces.pairs.truth),
            summarise(traces),
            seconds,
        )
        _write(result, path)
        return result

    def _scores(self, images: Tensor, truth: Tensor) -> dict[str, list[float]]:
        device = _device(self.models)
        parts = [
            score(some.to(device), true, self.scorers)
            for some, true in zip(images.split(self.batch), truth.split(self.batch), strict=True)
        ]
        return {name: torch.cat([part[name] for part in parts]).tolist() for name in parts[0]}


def claim_folder(folder: Path, facts: dict[str, Any], resume: bool) -> None:
    """Note in a folder what its results are made from, or check that they are made from this.

    Args:
        folder: Of the study.
        facts: What all of its results depend on: networks, pictures.
        resume: Whether results may be there already.

    Raises:
        InvalidInputError: There are results that were not asked for, or made from other things.
    """
    path = folder / "study.json"
    if not path.is_file():
        write_text(path, json.dumps(facts, indent=2) + "\n")
        return
    if not resume:
        raise InvalidInputError(
            f"{folder} holds results of an earlier run; add --resume to continue it, or choose "
            "another folder."
        )
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    different = [name for name in facts if found.get(name) != facts[name]]
    if different:
        raise InvalidInputError(
            f"The results in {folder} were made with other {', '.join(different)}; choose another "
            "folder."
        )


def _read(path: Path) -> Result:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    choice = values.pop("choice")
    return Result(choice=Choice(**choice) if choice else None, **values)


def _write(result: Result, path: Path) -> None:
    write_text(path, json.dumps(asdict(result)) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)


def _device(models: ModelSet) -> torch.device:
    return next(models.prior.network.parameters()).device

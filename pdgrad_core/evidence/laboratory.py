"""The laboratory of every study: rows run on faces as the pipeline runs them, scored and kept."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..contractions import Contraction
from ..diffusion.sampler import Record, SampleResult
from ..faces.people import Pairs
from ..models.scorers import SCORES, Scorers
from ..models.sets import ModelSet
from ..runs import prepare_run
from .conflicts import summarise
from .faces import Degree, FaceSet, prepare_faces
from .results import Result, kept
from .rows import Choice, Row


@dataclass(frozen=True)
class Laboratory:
    """Networks, and a folder that remembers every run.

    Attributes:
        models: What restores.
        scorers: What scores, and never guides.
        folder: Where results are kept.
        batch: Images at a time.
        scores: Names of the metrics.
    """

    models: ModelSet
    scorers: Scorers
    folder: Path
    batch: int
    scores: tuple[str, ...] = SCORES

    def faces(self, name: str, pairs: Pairs, degree: Degree, seed: int = 0) -> FaceSet:
        """Return faces degraded for these models; see `prepare_faces`."""
        return prepare_faces(name, pairs, degree, self.models, self.batch, seed)

    def run(self, faces: FaceSet, row: Row, choice: Choice | None) -> Result:
        """Return the scores of a row, from the folder where they are there already.

        Args:
            faces: What is restored.
            row: How.
            choice: With which numbers; None for a picture that is there already.
        """

        def compute() -> Result:
            began = time.perf_counter()
            images, traces = restore(faces, row, choice)
            seconds = time.perf_counter() - began
            person, scores = faces.pairs.person.tolist(), self._scores(images, faces.pairs.truth)
            return Result(row.name, choice, person, scores, summarise(traces), seconds)

        return kept(self.folder / faces.name, row, choice, compute)

    def _scores(self, images: Tensor, truth: Tensor) -> dict[str, list[float]]:
        device = self.models.device
        parts = [
            self.scorers.score(some.to(device), true.to(device), self.scores)
            for some, true in zip(images.split(self.batch), truth.split(self.batch), strict=True)
        ]
        return {name: torch.cat([part[name] for part in parts]).tolist() for name in self.scores}


def restore(faces: FaceSet, row: Row, choice: Choice | None) -> tuple[Tensor, list[list[Record]]]:
    """Return a row's results `(N, 3, S, S)` in [-1, 1], and the trace of each batch.

    Args:
        faces: What to restore.
        row: How.
        choice: With which numbers; None for a picture that is there already.
    """
    if choice is None:
        return faces.picture(row.start), []
    found = [_sample(faces, row, choice, which) for which in faces.batches()]
    images = torch.cat([result.image.clamp(-1, 1).cpu() for result in found])
    return images, [result.trace for result in found]


def _sample(faces: FaceSet, row: Row, choice: Choice, which: Tensor) -> SampleResult:
    """Run some of the faces as the pipeline does, but from the pictures that the rows share."""
    models = row.networks(faces.models) if row.networks else faces.models
    job = replace(faces.job(which), models=models)
    images = faces.guide_images(which, row.coarse)
    filters: list[Contraction] = [*choice.contractions(job), *choice.holding(images)]
    if row.contraction is not None:
        filters.insert(0, row.contraction(faces, which, choice))
    return prepare_run(
        choice,
        choice.prior(job),
        job.noise,
        choice.start(job, faces.on_device(row.start, which)),
        guidance=choice.guidance(images),
        networks=models.features,
        contractions=filters,
    )()

"""Restoring every case by every method, and scoring what lies there."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...devices import peak_memory_bytes
from ...metrics import Metric
from ...metrics.kernel_distance import KernelDistance
from ...models.sets import ModelSet
from ...pipeline import restore_faces
from ...recipes import Recipe
from ...settings import Settings
from ...weights.integrity import sha256_of
from .folders import Case, by_references
from .methods import COARSE, DEGRADED, REFERENCE, Method
from .pictures import Kept, Pictures

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """Restores and scores; what was done already is taken from the folder.

    Attributes:
        folder: Of all results.
        pictures: The cases.
        models: Gives what restores a method's faces.
        batch: Faces at a time.
    """

    folder: Path
    pictures: Pictures
    models: Callable[[Method], ModelSet]
    batch: int
    _folders: dict[str, Path] = field(default_factory=dict[str, Path], repr=False)

    def kept(self, method: Method, case: Case) -> Kept:
        """Return where a method's result of a case lies."""
        if method.name not in self._folders:
            self._folders[method.name] = self.folder / method.folder(self._made_by(method))
        return Kept(self._folders[method.name], case.name)

    def _made_by(self, method: Method) -> dict[str, str]:
        """Return the networks that a method's results depend on."""
        if method.name in (DEGRADED, REFERENCE):
            return {}
        models = self.models(method)
        used = ["restorer"]
        if method.recipe is not None:
            used += ["prior", *method.recipe.all_networks]
        digests = {role: sha256_of(path) for role, path in models.paths.items() if role in used}
        restorer = "" if models.restorer is None else models.restorer.name
        return {**digests, "name": restorer, "precision": models.precision}

    def restore(self, method: Method) -> None:
        """Make the results of a method that are not there yet."""
        done = 0
        for cases in by_references(self.pictures.cases, self.batch):
            places = [self.kept(method, case) for case in cases]
            digests = [self.pictures.digest(case) for case in cases]
            if all(p.read().get("of") == d for p, d in zip(places, digests, strict=True)):
                continue
            images, seconds = self._made(method, cases)
            memory = round(peak_memory_bytes(self.models(method).device) / 1e6)
            for image, place, digest in zip(images, places, digests, strict=True):
                figures = {"seconds": round(seconds / len(cases), 3), "memory_mb": memory}
                place.write(image[None], {"of": digest, **figures, "scores": {}})
            done += len(cases)
            logger.info("%s: %d of %d", method.name, done, len(self.pictures.cases))

    def _made(self, method: Method, cases: Sequence[Case]) -> tuple[Tensor, float]:
        """Return a method's results `(B, 3, S, S)` of some cases, and how long they took."""
        models = self.models(method)
        degraded = torch.cat([self.pictures.degraded(case) for case in cases])
        began = time.perf_counter()
        if method.recipe is not None:
            images = self._restored(method.recipe, models, degraded, cases)
        elif method.name == COARSE:
            assert models.restorer is not None
            images = models.restorer(degraded.to(models.device))
        elif method.name == DEGRADED:
            images = degraded
        else:
            images = self.pictures.references(cases)[0]
        return images.clamp(-1, 1), time.perf_counter() - began

    def _restored(
        self, recipe: Recipe, models: ModelSet, degraded: Tensor, cases: Sequence[Case]
    ) -> Tensor:
        references = self.pictures.references(cases) if recipe.needs_reference else []
        seeds = [self.pictures.seed_of(case) for case in cases]
        settings = Settings(recipe.name, seed=seeds[0], **recipe.values())
        return restore_faces(degraded, references, models, settings, seeds=seeds).image

    def score(
        self, method: Method, metrics: Mapping[str, Metric], by: Mapping[str, str]
    ) -> dict[str, list[float]]:
        """Return a method's scores of every case, by metric; those known are not measured again.

        Args:
            method: Its results are there.
            metrics: By name; a distance of sets gives one number.
            by: Digest of the networks that each metric looks through: others measure anew.
        """
        each = {name: one for name, one in metrics.items() if one.against != "truths"}
        found: dict[str, list[float]] = {name: [] for name in each}
        for case, place in self._places(method):
            record = place.read()
            known: dict[str, list[Any]] = record["scores"]
            lacking = [name for name in each if known.get(name, [0, None])[1] != by[name]]
            if lacking:
                values = self._values(case, place, {name: each[name] for name in lacking})
                known |= {name: [value, by[name]] for name, value in values.items()}
                place.update(record)
            for name, values in found.items():
                values.append(known[name][0])
        sets = {name: one for name, one in metrics.items() if isinstance(one, KernelDistance)}
        return found | {name: [self._of_sets(method, one)] for name, one in sets.items()}

    def _places(self, method: Method) -> Iterator[tuple[Case, Kept]]:
        for case in self.pictures.cases:
            yield case, self.kept(method, case)

    def _values(self, case: Case, place: Kept, metrics: Mapping[str, Metric]) -> dict[str, float]:
        device = self.pictures_device
        result = place.image().to(device)
        values: dict[str, float] = {}
        for name, metric in metrics.items():
            if metric.against == "truth":
                values[name] = float(metric(result, self.pictures.truth(case).to(device)))
            else:
                others = self.pictures.references([case])
                found = [float(metric(result, one.to(device))) for one in others]
                values[name] = sum(found) / len(found)
        return values

    def _of_sets(self, method: Method, metric: KernelDistance) -> float:
        device = self.pictures_device
        results, truths = (
            # One picture at a time: a thousand of them need not fit the memory.
            torch.cat([metric.features(image.to(device)) for image in images])
            for images in (
                (place.image() for _, place in self._places(method)),
                (self.pictures.truth(case) for case in self.pictures.cases),
            )
        )
        return float(metric.of_features(results, truths))

    @property
    def pictures_device(self) -> torch.device:
        """Where scores are computed: where the models are."""
        return self.models(Method(DEGRADED)).device


def measurable(metrics: Mapping[str, Metric], cases: Sequence[Case]) -> dict[str, str]:
    """Return why some metrics say nothing of these cases, by name.

    Args:
        metrics: By name.
        cases: All of them.
    """
    why: dict[str, str] = {}
    for name, metric in metrics.items():
        if metric.against != "reference" and any(case.truth is None for case in cases):
            why[name] = "needs --truth"
        elif metric.against == "reference" and not all(case.references for case in cases):
            why[name] = "needs --references"
        elif metric.against == "truths" and len(cases) < 2:
            why[name] = "needs two pictures or more"
    return why

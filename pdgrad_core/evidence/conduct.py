"""Conducting a study: faces, tuning, the test under every degree, the report."""

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..devices import parse_device
from ..embedded import WEIGHTS
from ..errors import CheckpointNotFoundError, InvalidInputError
from ..faces.people import Pairs, Split, drawn_pairs
from ..models.scorers import load_with_scorers
from ..models.sets import ModelSet
from ..runs import Process
from ..weights.integrity import sha256_of
from .faces import prepare_faces
from .for_evaluate import write_faces
from .laboratory import Laboratory
from .options import StudyOptions
from .pairs import stored_pairs
from .report import write_report
from .results import Result, claim_folder
from .rows import Choice, Row
from .study import Findings, Study
from .tuning import Trial, chosen, tune

logger = logging.getLogger(__name__)

STORED_TUNING_PEOPLE = 8
"""A labelled file has fewer people with two pictures than can be drawn."""

Trials = dict[str, list[Trial]]


def run_study(study: Study, options: StudyOptions) -> list[Path]:
    """Run a study, or what is left of it, and write its tables, plots and page.

    Args:
        study: Which study.
        options: See `StudyOptions`.

    Returns:
        The files written into `options.out`.

    Raises:
        PDGradError: Networks, pictures or names are missing or do not fit; raised before any work.
    """
    steps = options.steps or study.steps
    rows = study.chosen_rows(options.methods, steps)
    models, scorers = load_with_scorers(options.models, parse_device(options.device))
    size = models.prior.image_size
    _check_weights(rows, options)
    tuning_pairs = _pairs(study, options, "tuning", size) if study.tuning else None
    pairs = _pairs(study, options, "test", size)
    claim_folder(options.out, _facts(study, options, models, pairs, steps), options.resume)
    laboratory = Laboratory(models, scorers, options.out / "runs", options.batch, study.scores)
    trials = _tuned(study, rows, tuning_pairs, laboratory) if tuning_pairs else {}
    results: dict[str, list[Result]] = {}
    cases: dict[str, int] = {}
    for degree in study.degrees:
        faces = laboratory.faces(f"test-{degree.name}", pairs, degree)
        cases[degree.name] = faces.cases
        results[degree.name] = [
            _logged(faces.name, laboratory.run(faces, row, choice))
            for row in rows
            if degree.name in row.degrees or not row.degrees
            for choice in choices(row, trials)
        ]
    return write_report(options.out, Findings(study, options.images, rows, results, trials, cases))


def write_study_faces(study: Study, options: StudyOptions) -> list[Path]:
    """Write the faces of a study's test, for `pdgrad evaluate`; nothing is restored.

    Args:
        study: Which study.
        options: See `StudyOptions`; `out` gets a folder for each degree.

    Returns:
        Folders of truths, degraded faces and references, of each degree.

    Raises:
        PDGradError: As `run_study`.
    """
    if options.out.is_dir() and any(options.out.iterdir()):
        raise InvalidInputError(
            f"{options.out} is not empty; faces of another study would be counted among these. "
            "Choose another folder."
        )
    models, _ = load_with_scorers(options.models, parse_device(options.device))
    pairs = _pairs(study, options, "test", models.prior.image_size)
    return [
        path
        for degree in study.degrees
        for path in write_faces(
            prepare_faces(degree.name, pairs, degree, models, options.batch),
            options.out / degree.name,
        )
    ]


def _check_weights(rows: Sequence[Row], options: StudyOptions) -> None:
    """Refuse, before the work, rows whose own networks are not there."""
    folder = options.models or WEIGHTS
    for row in rows:
        for name in row.weights:
            if not (folder / f"{name}.safetensors").is_file():
                raise CheckpointNotFoundError(
                    f"The row {row.name!r} needs {name}.safetensors beside the study's other "
                    "networks (--models); train it as docs/evidence_methods.md says, or name the "
                    "other rows with --methods."
                )


def choices(row: Row, trials: Trials) -> list[Choice | None]:
    """Return the numbers that a row is tested with.

    Args:
        row: The row.
        trials: Of every row that was tuned.

    Returns:
        One where it was tuned, or takes another row's numbers; else one for each variant. None
        stands for a picture.
    """
    if row.recipe is None:
        return [None]
    if row.settings_of:
        other = chosen(trials[row.settings_of])
        numbers = {one.name: getattr(other, one.name) for one in fields(Process)}
        return [replace(row.recipe, **numbers)]
    if row.name in trials:
        return [chosen(trials[row.name])]
    return [replace(row.recipe, **change) for change in row.variants]


def _tuned(study: Study, rows: Sequence[Row], pairs: Pairs, laboratory: Laboratory) -> Trials:
    tuning = study.tuning
    assert tuning is not None
    (degree,) = (degree for degree in study.degrees if degree.name == tuning.degree)
    faces = laboratory.faces("tuning", pairs, degree, tuning.seed)
    (picture,) = (row for row in rows if row.name == tuning.relative_to)
    measure = laboratory.run(faces, picture, None)
    return {
        row.name: tune(row, faces, laboratory, tuning, measure)
        for row in rows
        if not row.settings_of
    }


def _facts(
    study: Study, options: StudyOptions, models: ModelSet, pairs: Pairs, steps: int
) -> dict[str, Any]:
    """Return what all results in a folder depend on."""
    sizes = {"pairs": options.pairs, "people": len(set(pairs.person.tolist())), "steps": steps}
    return {
        "networks": {role: sha256_of(path) for role, path in models.paths.items()},
        "images": options.images.name if options.images else "drawn",
        **{name: sizes[name] for name in study.facts},
    }


def _pairs(study: Study, options: StudyOptions, split: Split, size: int) -> Pairs:
    if options.images is not None:
        tuning = options.tuning or STORED_TUNING_PEOPLE
        people = tuning if split == "tuning" else options.n
        return stored_pairs(options.images, split, people, size, options.pairs, tuning)
    if split == "test":
        return drawn_pairs(split, options.n or study.people, size, options.pairs)
    assert study.tuning is not None
    return drawn_pairs(split, options.tuning or study.tuning.people, size, options.pairs)


def _logged(faces: str, result: Result) -> Result:
    tau = f" tau {result.choice.tau}" if result.choice else ""
    logger.info(
        "%s %s%s: PSNR %.2f LPIPS %.4f Deg %.2f", faces, result.row, tau,
        result.mean("psnr"), result.mean("lpips"), result.mean("deg"),
    )  # fmt: skip
    return result

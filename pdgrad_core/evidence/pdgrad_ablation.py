"""The study of PDGrad: its ablations, PGDiff's losses, other surgeries and controls.

Every method is tuned on people of its own, then tested on others under two degrees of degradation,
and scored by networks that never guided. Every run is kept, so an interrupted study continues.
"""

import logging
from dataclasses import replace
from pathlib import Path

from ..devices import parse_device
from ..weights.integrity import sha256_of
from .methods import Choice, Method, chosen_methods
from .networks import load_networks
from .options import StudyOptions
from .pairs import DEGREES, TUNED_ON, Pairs, Split, drawn_pairs, stored_pairs
from .report import write_report
from .runs import FaceSet, Laboratory, Result, Trial, claim_folder, prepare

logger = logging.getLogger(__name__)

TEST_PEOPLE = 200
TUNING_PEOPLE = 32
STORED_TUNING_PEOPLE = 8
"""A labelled file has fewer people with two pictures than can be drawn."""

STEPS = 25
TEST_SEED, TUNING_SEED = 0, 1_000_000
"""First seeds of the degradations and of the noise."""


def run_study(options: StudyOptions) -> list[Path]:
    """Run the study, or what is left of it, and write its tables and plots.

    Args:
        options: See `StudyOptions`.

    Returns:
        The files written into `options.out`.

    Raises:
        PDGradError: Networks, pictures or names are missing or do not fit; raised before any work.
    """
    methods = chosen_methods(options.methods, options.steps or STEPS)
    models, scorers = load_networks(options.models, parse_device(options.device))
    size = models.prior.image_size
    tuning_pairs, test_pairs = (_pairs(options, split, size) for split in ("tuning", "test"))
    facts = {
        "networks": {role: sha256_of(path) for role, path in models.paths.items()},
        "images": options.images.name if options.images else "drawn",
        "pairs": options.pairs,
    }
    claim_folder(options.out, facts, options.resume)
    laboratory = Laboratory(models, scorers, options.out / "runs", options.batch)
    tuning = _face_set("tuning", tuning_pairs, TUNED_ON, TUNING_SEED, laboratory)
    tuned = [method for method in methods if not method.settings_of]
    trials = {method.name: tune(method, tuning, laboratory) for method in tuned}
    results: dict[str, list[Result]] = {}
    for degree in DEGREES:
        faces = _face_set(f"test-{degree}", test_pairs, degree, TEST_SEED, laboratory)
        tested = [method for method in methods if degree in method.degrees]
        results[degree] = [examine(method, trials, faces, laboratory) for method in tested]
    return write_report(options, methods, trials, results)


def _face_set(name: str, pairs: Pairs, degree: str, seed: int, laboratory: Laboratory) -> FaceSet:
    # The size is in the name, so that a larger test does not meet a smaller one's results.
    name = f"{name}-{len(pairs)}"
    return prepare(name, pairs, degree, laboratory.models, seed, laboratory.batch)


def _pairs(options: StudyOptions, split: Split, size: int) -> Pairs:
    if options.images is None:
        wanted = {"tuning": options.tuning or TUNING_PEOPLE, "test": options.n or TEST_PEOPLE}
        return drawn_pairs(split, wanted[split], size, options.pairs)
    tuning = options.tuning or STORED_TUNING_PEOPLE
    people = tuning if split == "tuning" else options.n
    return stored_pairs(options.images, split, people, size, options.pairs, tuning)


def objective(result: Result, coarse: Result) -> float:
    """Return what tuning makes small: Deg and LPIPS, each relative to the coarse image's."""
    return sum(result.mean(name) / coarse.mean(name) for name in ("deg", "lpips"))


def tune(method: Method, faces: FaceSet, laboratory: Laboratory) -> list[Trial]:
    """Try a method's settings stage by stage, each change from the best so far.

    Args:
        method: The method.
        faces: The tuning people.
        laboratory: Where it is tried.

    Returns:
        Every trial; exactly one is chosen.
    """
    coarse = laboratory.run(faces, Method("coarse", "", picture="coarse"), None)
    if method.picture is not None:
        result = laboratory.run(faces, method, None)
        return [Trial(result, objective(result, coarse), chosen=True)]
    trials: dict[Choice, Trial] = {}

    def attempt(choice: Choice) -> None:
        if choice not in trials:
            result = laboratory.run(faces, method, choice)
            trials[choice] = Trial(result, objective(result, coarse))
            logger.info(
                "tuning %s %s: Deg %.2f LPIPS %.4f", method.name, choice.label(),
                result.mean("deg"), result.mean("lpips"),
            )  # fmt: skip

    def best() -> Choice:
        return min(trials, key=lambda choice: trials[choice].objective)

    attempt(method.start)
    for stage in method.stages:
        start = best()
        for change in stage:
            attempt(replace(start, **change))
    winner = best()
    return [replace(trial, chosen=choice == winner) for choice, trial in trials.items()]


def examine(
    method: Method,
    trials: dict[str, list[Trial]],
    faces: FaceSet,
    laboratory: Laboratory,
) -> Result:
    """Run a method on the test people with the settings that it, or another one, was tuned to."""
    tried = trials[method.settings_of or method.name]
    (choice,) = (trial.result.choice for trial in tried if trial.chosen)
    result = laboratory.run(faces, method, choice)
    logger.info(
        "%s %s: PSNR %.2f LPIPS %.4f Deg %.2f", faces.name, method.name,
        result.mean("psnr"), result.mean("lpips"), result.mean("deg"),
    )  # fmt: skip
    return result

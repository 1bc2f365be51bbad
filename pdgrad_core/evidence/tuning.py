"""Choosing a row's numbers on people of their own, stage by stage."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .faces import FaceSet
from .laboratory import Laboratory
from .results import Result
from .rows import Choice, Row

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tuning:
    """How a study chooses the numbers of its rows.

    Attributes:
        degree: Name of the degree under which they are chosen; they are used under every one.
        relative_to: Name of the row, a picture, whose scores are the measure.
        metrics: What is made small, each relative to that row's; lower is better for all.
        people: Number of people it takes, where they are drawn.
        seed: First seed of their degradations and noise.
    """

    degree: str
    relative_to: str = "coarse"
    metrics: tuple[str, ...] = ("deg", "lpips")
    people: int = 32
    seed: int = 1_000_000

    def objective(self, result: Result, measure: Result) -> float:
        """Return what tuning makes small: the sum of the metrics, relative to the measure's."""
        return sum(result.mean(name) / measure.mean(name) for name in self.metrics)


@dataclass(frozen=True)
class Trial:
    """Numbers tried while tuning.

    Attributes:
        result: Their scores on the tuning people.
        objective: What tuning makes small.
        chosen: Whether they won.
    """

    result: Result
    objective: float
    chosen: bool = False


def tune(
    row: Row, faces: FaceSet, laboratory: Laboratory, tuning: Tuning, measure: Result
) -> list[Trial]:
    """Try a row's numbers stage by stage, each change from the best so far.

    Args:
        row: The row.
        faces: The tuning people.
        laboratory: Where it is tried.
        tuning: What is made small.
        measure: The result it is relative to.

    Returns:
        Every trial; exactly one is chosen.
    """
    trials: list[Trial] = []

    def attempt(choice: Choice | None) -> None:
        if any(trial.result.choice == choice for trial in trials):
            return
        result = laboratory.run(faces, row, choice)
        trials.append(Trial(result, tuning.objective(result, measure)))
        if choice is not None:
            means = " ".join(f"{name} {result.mean(name):.4f}" for name in tuning.metrics)
            numbers = f"{choice.strength_mode} {choice.strength:g} tau {choice.tau}"
            logger.info("tuning %s %s steps %d: %s", row.name, numbers, choice.steps, means)

    def best() -> Trial:
        return min(trials, key=lambda trial: trial.objective)

    attempt(row.recipe)
    for stage in row.stages:
        start = best().result.choice
        assert start is not None
        for change in stage:
            attempt(replace(start, **change))
    winner = best()
    return [replace(trial, chosen=trial is winner) for trial in trials]


def chosen(trials: Sequence[Trial]) -> Choice | None:
    """Return the numbers that won; None for a picture."""
    (winner,) = (trial for trial in trials if trial.chosen)
    return winner.result.choice

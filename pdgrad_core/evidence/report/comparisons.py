"""Which rows of a study are compared on the same pictures, and how they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..results import Result
from ..statistics import Difference, difference
from ..study import Findings, Study


@dataclass(frozen=True)
class Comparison:
    """A row against another one.

    Attributes:
        first: The one.
        second: The other, under the same degree and with the same keys; or one without choices.
        gaps: How much larger the first is, by metric.
    """

    first: Result
    second: Result
    gaps: Mapping[str, Difference]


def comparisons(findings: Findings, degree: str) -> list[Comparison]:
    """Return a degree's comparisons: those with the baseline, and those that the study names."""
    study, found = findings.study, findings.results[degree]
    known = {(result.row, key_of(study, result)): result for result in found}
    made: list[Comparison] = []
    for result in found:
        for name in _others(study, result.row):
            other = known.get((name, key_of(study, result))) or known.get((name, ()))
            if other is not None:
                gaps = {
                    metric: difference(result.scores[metric], other.scores[metric], result.person)
                    for metric in study.scores
                }
                made.append(Comparison(result, other, gaps))
    return made


def _others(study: Study, name: str) -> Iterator[str]:
    if study.baseline and name != study.baseline:
        yield study.baseline
    yield from (second for first, second in study.compared if first == name)


def key_of(study: Study, result: Result) -> tuple[Any, ...]:
    """Return what tells the results of one row apart; nothing for a picture."""
    return tuple(getattr(result.choice, key) for key in study.keys) if result.choice else ()


def key_columns(study: Study, result: Result) -> dict[str, Any]:
    """Return what tells the results of one row apart, as columns; empty ones for a picture."""
    return dict.fromkeys(study.keys, "") | dict(
        zip(study.keys, key_of(study, result), strict=False)
    )

"""The tables of a study: scores with intervals, tests, tuning, steps, cases."""

import csv
from pathlib import Path
from typing import Any

from ...files import write_whole
from ..rows import Choice
from ..statistics import holm, interval
from ..study import Findings, Study, TableRows
from .comparisons import comparisons, key_columns


def score_table(findings: Findings, degree: str) -> TableRows:
    """Return a row per result of a degree: every metric's mean with its interval, and settings."""
    study = findings.study
    rows: TableRows = []
    for result in findings.results[degree]:
        row: dict[str, Any] = {"method": result.row, **key_columns(study, result)}
        row |= {"n": len(result.person), "people": len(set(result.person))}
        for metric in study.scores:
            found = interval(result.scores[metric], result.person)
            row[metric] = round(found.mean, 5)
            row[f"{metric}_low"], row[f"{metric}_high"] = round(found.low, 5), round(found.high, 5)
        settings = _setting_columns(study, result.choice)
        rows.append({**row, **settings, "seconds": round(result.seconds, 1)})
    return rows


def tests(findings: Findings) -> TableRows:
    """Return a row per comparison and metric: difference, interval, p, and p corrected by Holm.

    The tests of one metric, under all degrees, are one family.
    """
    rows = _tests(findings)
    for metric in findings.study.scores:
        family = [row for row in rows if row["metric"] == metric]
        for row, corrected in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_holm"] = round(corrected, 5)
    return rows


def _tests(findings: Findings) -> TableRows:
    return [
        {
            **findings.degree_column(degree),
            "method": one.first.row,
            "against": one.second.row,
            **key_columns(findings.study, one.first),
            "metric": metric,
            "difference": round(gap.interval.mean, 5),
            "low": round(gap.interval.low, 5),
            "high": round(gap.interval.high, 5),
            "p": round(gap.p, 5),
        }
        for degree in findings.results
        for one in comparisons(findings, degree)
        for metric, gap in one.gaps.items()
    ]


def tuning(findings: Findings) -> TableRows:
    """Return a row per trial: the numbers tried, the means, the objective, whether it won."""
    return [
        {
            "method": trial.result.row,
            "n": len(trial.result.person),
            **_setting_columns(findings.study, trial.result.choice),
            **{name: round(trial.result.mean(name), 5) for name in findings.study.scores},
            "objective": round(trial.objective, 5),
            "chosen": int(trial.chosen),
        }
        for trials in findings.trials.values()
        for trial in trials
    ]


def steps(findings: Findings) -> TableRows:
    """Return a row per result and step: its conflict statistics."""
    return [
        {**degree, "method": result.row, **key_columns(findings.study, result), **row}
        for degree, result in findings.everything()
        for row in result.steps
    ]


def cases(findings: Findings) -> TableRows:
    """Return a row per result and case: every metric's mean over the case's faces."""
    rows: TableRows = []
    for degree, found in findings.results.items():
        count = findings.cases[degree]
        for result in found:
            size = len(result.person) // count
            rows += [
                {
                    **findings.degree_column(degree),
                    "method": result.row,
                    **key_columns(findings.study, result),
                    "case": case,
                    **{
                        metric: round(sum(values[case * size : (case + 1) * size]) / size, 5)
                        for metric, values in result.scores.items()
                    },
                }
                for case in range(count)
            ]
    return rows


def write_csv(rows: TableRows, path: Path) -> None:
    """Write a table whose columns are the first row's, whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)


def _setting_columns(study: Study, choice: Choice | None) -> dict[str, Any]:
    """Return a choice as columns; empty ones where nothing was to be chosen."""
    if choice is None:
        return {setting.column: "" for setting in study.settings}
    return {setting.column: getattr(choice, setting.field, 0.0) for setting in study.settings}

"""The tables of an evaluation: means with intervals by person, differences with tests, a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...metrics import METRICS
from ..statistics import difference, holm, interval
from .methods import Method

TableRows = list[dict[str, Any]]


@dataclass(frozen=True)
class Scored:
    """What was measured of one method.

    Attributes:
        method: Which.
        person: Whose picture each is.
        scores: By metric: a number per picture, or one for all of them.
        seconds: Mean time of a picture.
        memory_mb: The most memory that was in use until then.
    """

    method: Method
    person: Sequence[str]
    scores: Mapping[str, Sequence[float]]
    seconds: float
    memory_mb: float

    def each(self) -> dict[str, Sequence[float]]:
        """Return the metrics that have a number per picture."""
        sets = [name for name in self.scores if METRICS[name].against == "truths"]
        return {name: values for name, values in self.scores.items() if name not in sets}


def score_table(scored: Sequence[Scored]) -> TableRows:
    """Return a row per method: every metric's mean with its interval, time and memory."""
    rows: TableRows = []
    for one in scored:
        row: dict[str, Any] = {"method": one.method.name, "n": len(one.person)}
        row["people"] = len(set(one.person))
        for name, values in one.scores.items():
            if name in one.each():
                found = interval(values, one.person)
                row[name] = round(found.mean, 5)
                row[f"{name}_low"], row[f"{name}_high"] = round(found.low, 5), round(found.high, 5)
            else:
                row[name], row[f"{name}_low"], row[f"{name}_high"] = round(values[0], 5), "", ""
        rows.append({**row, "seconds": round(one.seconds, 3), "memory_mb": one.memory_mb})
    return rows


def difference_table(scored: Sequence[Scored], baseline: str) -> TableRows:
    """Return a row per other method and metric: how much larger it is than the baseline's.

    p is of sign flips by person; p_holm is corrected for the number of methods and metrics.

    Args:
        scored: All methods.
        baseline: Name of one of them.
    """
    (base,) = (one for one in scored if one.method.name == baseline)
    rows: TableRows = []
    for one in scored:
        for name, values in one.each().items() if one is not base else ():
            gap = difference(values, base.scores[name], one.person)
            rows.append(
                {
                    "method": one.method.name,
                    "against": baseline,
                    "metric": name,
                    "difference": round(gap.interval.mean, 5),
                    "low": round(gap.interval.low, 5),
                    "high": round(gap.interval.high, 5),
                    "p": round(gap.p, 5),
                }
            )
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = round(corrected, 5)
    return rows


def page(
    scored: Sequence[Scored],
    differences: TableRows,
    missing: Mapping[str, str],
    notes: Sequence[str],
    files: Mapping[str, str],
) -> str:
    """Return the page: scores, differences, what was not measured and why, pictures.

    Args:
        scored: All methods.
        differences: From `difference_table`.
        missing: What each metric lacks that was not measured.
        notes: What else is to be known, a line each.
        files: Captions by the pictures' file names.
    """
    names = list(scored[0].scores)
    lines = ["# Evaluation", "", *notes, "", *_header(["method", *map(_heading, names), "s"])]
    rows = score_table(scored)
    lines += [
        _line([row["method"], *(_score(row, name) for name in names), f"{row['seconds']:.2f}"])
        for row in rows
    ]
    if differences:
        lines += ["", f"Minus `{differences[0]['against']}`, on the same pictures:", ""]
        shown = list(dict.fromkeys(row["metric"] for row in differences))
        lines += _header(["method", *map(_heading, shown)])
        for method in dict.fromkeys(row["method"] for row in differences):
            mine = [row for row in differences if row["method"] == method]
            lines.append(_line([method, *(_gap(row) for row in mine)]))
    if missing:
        lines += ["", "Not measured:", ""]
        lines += [f"- {METRICS[name].label}: {why}" for name, why in missing.items()]
    lines += [line for name, caption in files.items() for line in ("", f"![{caption}]({name})")]
    return "\n".join(lines) + "\n"


def _heading(name: str) -> str:
    metric = METRICS[name]
    arrow = "↑" if metric.higher_is_better else "↓"
    return f"{metric.label}{' ' + metric.unit if metric.unit else ''} {arrow}"


def _score(row: Mapping[str, Any], name: str) -> str:
    form = f".{METRICS[name].digits}f"
    if row[f"{name}_low"] == "":
        return f"{row[name]:{form}}"
    return f"{row[name]:{form}} [{row[f'{name}_low']:{form}}, {row[f'{name}_high']:{form}}]"


def _gap(row: Mapping[str, Any]) -> str:
    form = f"+.{METRICS[row['metric']].digits}f"
    bounds = f"[{row['low']:{form}}, {row['high']:{form}}]"
    return f"{row['difference']:{form}} {bounds} p {row['p_holm']:.2g}"


def _header(columns: Sequence[str]) -> list[str]:
    return [_line(columns), "|" + "---|" * len(columns)]


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"

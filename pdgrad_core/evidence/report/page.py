"""The page of a study, and the sections that a study may add to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..conflicts import LEVELS
from ..for_evaluate import method_of
from ..statistics import Interval, interval
from ..study import Findings
from ..tuning import chosen
from .comparisons import Comparison, comparisons, key_columns

DIGITS = {"psnr": 2, "ssim": 4, "lpips": 4, "deg": 2, "colour": 2}
HEADINGS = {"psnr": "PSNR dB", "ssim": "SSIM", "lpips": "LPIPS", "deg": "Deg", "colour": "colour"}


def page(findings: Findings, plots: Mapping[str, str]) -> str:
    """Return the page: what was done, the scores of every degree, the study's sections, its plots.

    Args:
        findings: Of the study.
        plots: Their captions by file, without ".png".
    """
    study = findings.study
    written = f"Written by `pdgrad ablate --study {study.name}`"
    sections = [
        [f"# {study.title(findings)}"],
        [f"{written}; what it means stands in `docs/evidence.md`."],
        [study.introduction(findings)],
        *(_scores(findings, degree) for degree in findings.results),
        *(section(findings) for section in study.sections),
        _for_evaluate(findings),
        *([f"![{caption}]({name}.png)"] for name, caption in plots.items()),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _scores(findings: Findings, degree: str) -> list[str]:
    """Return a degree's scores, and the differences from the baseline."""
    study = findings.study
    heading = [f"## {degree.capitalize()} degradation", ""] if len(study.degrees) > 1 else []
    metrics = [HEADINGS[name] for name in study.scores]
    lines = [*heading, *_header([study.noun, "", *study.keys, *metrics])]
    for result in findings.results[degree]:
        cells = [result.row, findings.titles[result.row], *key_columns(study, result).values()]
        means = [
            _bracketed(name, interval(result.scores[name], result.person)) for name in study.scores
        ]
        lines.append(_line([*cells, *means]))
    made = comparisons(findings, degree) if study.baseline else []
    for against in dict.fromkeys(one.second.row for one in made):
        lines += _differences(findings, [one for one in made if one.second.row == against])
    return lines


def _differences(findings: Findings, made: Sequence[Comparison]) -> list[str]:
    study, against = findings.study, made[0].second.row
    said = f"Differences from {against} on the same pictures (p: sign flips by person):"
    metrics = [HEADINGS[name] for name in study.scores]
    lines = ["", said, "", *_header([study.noun, *study.keys, *metrics])]
    for one in made:
        gaps = [
            f"{_bracketed(name, gap.interval, sign='+')} p={gap.p:.3f}"
            for name, gap in one.gaps.items()
        ]
        lines.append(_line([one.first.row, *key_columns(study, one.first).values(), *gaps]))
    return lines


def conflicts(findings: Findings) -> list[str]:
    """Return the section of how often gradients conflict; none where there was no surgery."""
    keys = [*findings.degree_column("degree"), findings.study.noun, *findings.study.keys]
    columns = ["steps", "level", "conflict", "cosine", "k", "k < 1", "pivot/other", "low/high"]
    lines = [
        "## How often the gradients conflict",
        "",
        "Share of steps and images where the two gradients of a level oppose each other, their "
        "mean cosine (over all), mean k where they oppose, share of those with k < 1, |pivot| / "
        "|other|, and |g_low| / |g_high| after surgery. First, middle and last third of the steps; "
        "every step is in the table of steps.",
        "",
        *_header([*keys, *columns]),
    ]
    empty = len(lines)
    for degree, result in findings.everything():
        who = [*degree.values(), result.row, *key_columns(findings.study, result).values()]
        for name, rows in _thirds(result.steps):
            for level in LEVELS:
                cells = [
                    _mean(rows, f"{level}.{key}")
                    for key in ("conflict", "cosine", "k", "shortened", "pivot_over_other")
                ]
                cells.append(_mean(rows, "low.over_high") if level == "low" else "")
                lines.append(_line([*who, name, level, *cells]))
    return lines if len(lines) > empty else []


def settings(findings: Findings) -> list[str]:
    """Return the section of the numbers that each row was tuned to."""
    shown = findings.study.settings
    columns = [findings.study.noun, *(setting.heading for setting in shown), "settings tried"]
    lines = ["## Settings chosen", "", *_header(columns)]
    for name, trials in findings.trials.items():
        choice = chosen(trials)
        if choice is not None:
            lines.append(_line([name, *(one.cell(choice) for one in shown), len(trials)]))
    return lines


def _for_evaluate(findings: Findings) -> list[str]:
    """Return what `pdgrad evaluate` calls the rows; nothing where it has none of them."""
    rows = {row.name: row for row in findings.rows}
    first = next(iter(findings.results))
    named = [
        (result.row, method_of(rows[result.row], result.choice))
        for result in findings.results[first]
    ]
    lines = [_line([name, f"`{text}`"]) for name, text in named if text]
    if not lines:
        return []
    said = (
        f"`pdgrad ablate --study {findings.study.name} --faces DIR`, with this page's own options "
        "of people and pictures, writes the faces; `pdgrad evaluate` restores and scores them with "
        "noise of its own, so that its means differ by chance:"
    )
    return ["## The same by `pdgrad evaluate`", "", said, "", *_header(["row", "method"]), *lines]


def _header(columns: Sequence[str]) -> list[str]:
    # A column without a name: one space, not two.
    names = "".join(f" {name} |" if name else " |" for name in columns)
    return [f"|{names}", "|" + "---|" * len(columns)]


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _bracketed(metric: str, found: Interval, sign: str = "") -> str:
    form = f"{sign}.{DIGITS[metric]}f"
    return f"{found.mean:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _thirds(rows: Sequence[dict[str, Any]]) -> list[tuple[str, Sequence[dict[str, Any]]]]:
    cut = [round(len(rows) * i / 3) for i in range(4)]
    parts = [
        (name, rows[cut[i] : cut[i + 1]]) for i, name in enumerate(("first", "middle", "last"))
    ]
    return [(name, part) for name, part in parts if part]


def _mean(rows: Sequence[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return f"{sum(values) / len(values):.3f}" if values else ""

"""The tables and the page of the PDGrad study."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..images import write_whole
from .methods import BASELINE, Method, as_row
from .options import StudyOptions
from .pairs import DEGREES
from .plots import plot_conflicts, plot_scores
from .runs import Result, Trial, write_text
from .scores import SCORES
from .statistics import Difference, Interval, difference, interval

Rows = list[dict[str, Any]]
DIGITS = {"psnr": 2, "ssim": 4, "lpips": 4, "deg": 2}


def write_report(
    options: StudyOptions,
    methods: Sequence[Method],
    trials: Mapping[str, Sequence[Trial]],
    results: Mapping[str, Sequence[Result]],
) -> list[Path]:
    """Write the tables (.csv), the page (.md) and the plots (.png) of a study.

    Args:
        options: What it was told.
        methods: In the order of the tables.
        trials: Of each method.
        results: Of each degree, in the order of the methods.

    Returns:
        The files.
    """
    stem = f"ablation_{options.images.stem if options.images else 'drawn'}"
    names = {degree: stem if degree == "heavy" else f"{stem}_{degree}" for degree in DEGREES}
    written: list[Path] = []

    def table(name: str, rows: Rows) -> None:
        if rows:
            written.append(options.out / f"{name}.csv")
            write_csv(rows, written[-1])

    for degree, found in results.items():
        table(names[degree], [_score_row(result) for result in found])
    table(f"{stem}_tests", [row for degree in results for row in _tests(degree, results[degree])])
    table(f"{stem}_tuning", [_trial_row(trial) for name in trials for trial in trials[name]])
    steps = [
        {"degree": degree, "method": result.method, **row}
        for degree, found in results.items()
        for result in found
        for row in result.steps
    ]
    table(f"{stem}_steps", steps)
    titles = {method.name: method.title for method in methods}
    pictures = {f"{stem}.png": plot_scores(results, titles)}
    if steps:
        pictures[f"{stem}_conflicts.png"] = plot_conflicts(results)
    for name, picture in pictures.items():
        written.append(options.out / name)
        write_whole(written[-1], lambda path, p=picture: p.save(path, format="PNG"))
    written.append(options.out / f"{stem}.md")
    page = _page(stem, options, titles, trials, results)
    write_text(written[-1], page)
    return written


def write_csv(rows: Rows, path: Path) -> None:
    """Write a table whose columns are the first row's, whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)


def _score_row(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"method": result.method, "n": len(result.person)}
    row["people"] = len(set(result.person))
    for name in SCORES:
        found = interval(result.scores[name], result.person)
        row[name] = round(found.mean, 5)
        row[f"{name}_low"], row[f"{name}_high"] = round(found.low, 5), round(found.high, 5)
    return {**row, **as_row(result.choice), "seconds": round(result.seconds, 1)}


def _trial_row(trial: Trial) -> dict[str, Any]:
    result = trial.result
    means = {name: round(result.mean(name), 5) for name in SCORES}
    return {
        "method": result.method,
        "n": len(result.person),
        **as_row(result.choice),
        **means,
        "objective": round(trial.objective, 5),
        "chosen": int(trial.chosen),
    }


def _differences(found: Sequence[Result]) -> dict[str, dict[str, Difference]]:
    """Return each method's difference from the baseline, metric by metric."""
    known = {result.method: result for result in found}
    base = known.pop(BASELINE, None)
    if base is None:
        return {}
    return {
        name: {
            metric: difference(result.scores[metric], base.scores[metric], result.person)
            for metric in SCORES
        }
        for name, result in known.items()
    }


def _tests(degree: str, found: Sequence[Result]) -> Rows:
    return [
        {
            "degree": degree,
            "method": method,
            "against": BASELINE,
            "metric": metric,
            "difference": round(gap.interval.mean, 5),
            "low": round(gap.interval.low, 5),
            "high": round(gap.interval.high, 5),
            "p": round(gap.p, 5),
        }
        for method, gaps in _differences(found).items()
        for metric, gap in gaps.items()
    ]


def _page(
    stem: str,
    options: StudyOptions,
    titles: Mapping[str, str],
    trials: Mapping[str, Sequence[Trial]],
    results: Mapping[str, Sequence[Result]],
) -> str:
    pictures = options.images.name if options.images else "drawn faces"
    first = next(iter(results.values()))[0]
    people, tuned = len(set(first.person)), next(iter(trials.values()))[0].result
    lines = [
        f"# PDGrad and its ablations on {pictures}",
        "",
        "Written by `pdgrad ablate --study pdgrad`; what it means stands in `docs/evidence.md`.",
        "",
        f"{len(first.person)} pairs of {people} held-out people at 64 px; settings of every method "
        f"chosen on {len(tuned.person)} pairs of {len(set(tuned.person))} other people (under "
        f"heavy degradation, by Deg and LPIPS relative to the coarse image's). Brackets: 95% "
        "bootstrap intervals by person. All methods share coarse image, starting noise and step "
        "noise. Deg and LPIPS come from networks trained apart from those that guide.",
    ]
    for degree, found in results.items():
        lines += ["", f"## {degree.capitalize()} degradation", "", *_score_table(found, titles)]
        gaps = _differences(found)
        if gaps:
            lines += ["", f"Differences from {BASELINE} on the same pictures (p: sign flips by "
                      "person):", "", *_difference_table(gaps)]  # fmt: skip
    lines += ["", *_conflict_section(results), *_settings_section(trials)]
    lines += ["", f"![scores]({stem}.png)"]
    if any(result.steps for found in results.values() for result in found):
        lines += ["", f"![conflicts by step]({stem}_conflicts.png)"]
    return "\n".join(lines) + "\n"


def _score_table(found: Sequence[Result], titles: Mapping[str, str]) -> list[str]:
    lines = ["| method | | PSNR dB | SSIM | LPIPS | Deg |", "|---|---|---|---|---|---|"]
    for result in found:
        cells = [_bracketed(name, interval(result.scores[name], result.person)) for name in SCORES]
        lines.append(f"| {result.method} | {titles[result.method]} | {' | '.join(cells)} |")
    return lines


def _difference_table(gaps: Mapping[str, Mapping[str, Difference]]) -> list[str]:
    lines = ["| method | PSNR dB | SSIM | LPIPS | Deg |", "|---|---|---|---|---|"]
    for method, row in gaps.items():
        cells = [
            f"{_bracketed(name, gap.interval, sign='+')} p={gap.p:.3f}" for name, gap in row.items()
        ]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines


def _bracketed(metric: str, found: Interval, sign: str = "") -> str:
    form = f"{sign}.{DIGITS[metric]}f"
    return f"{found.mean:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _conflict_section(results: Mapping[str, Sequence[Result]]) -> list[str]:
    lines = [
        "## How often the gradients conflict",
        "",
        "Share of steps and images where the two gradients of a level oppose each other, their "
        "mean cosine (over all), mean k where they oppose, share of those with k < 1, |pivot| / "
        "|other|, and |g_low| / |g_high| after surgery. First, middle and last third of the steps; "
        "every step is in the table of steps.",
        "",
        "| degree | method | steps | level | conflict | cosine | k | k < 1 | pivot/other | "
        "low/high |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    empty = len(lines)
    for degree, found in results.items():
        for result in found:
            for name, rows in _thirds(result.steps):
                for level in ("low", "high"):
                    cells = [
                        _mean(rows, f"{level}.{key}")
                        for key in ("conflict", "cosine", "k", "shortened", "pivot_over_other")
                    ]
                    cells.append(_mean(rows, "low.over_high") if level == "low" else "")
                    lines.append(
                        f"| {degree} | {result.method} | {name} | {level} | {' | '.join(cells)} |"
                    )
    return [*lines, ""] if len(lines) > empty else []


def _thirds(rows: Sequence[dict[str, Any]]) -> list[tuple[str, Sequence[dict[str, Any]]]]:
    if not rows:
        return []
    cut = [round(len(rows) * i / 3) for i in range(4)]
    parts = [
        (name, rows[cut[i] : cut[i + 1]]) for i, name in enumerate(("first", "middle", "last"))
    ]
    return [(name, part) for name, part in parts if part]


def _mean(rows: Sequence[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return f"{sum(values) / len(values):.3f}" if values else ""


def _settings_section(trials: Mapping[str, Sequence[Trial]]) -> list[str]:
    lines = [
        "## Settings chosen",
        "",
        "| method | strength | s | tau | steps | PGDiff weight | settings tried |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, tried in trials.items():
        choice = next(trial.result.choice for trial in tried if trial.chosen)
        if choice is not None:
            lines.append(
                f"| {name} | {choice.strength_mode} | {choice.strength:g} | {choice.tau} | "
                f"{choice.steps} | {choice.weight or ''} | {len(tried)} |"
            )
    return lines

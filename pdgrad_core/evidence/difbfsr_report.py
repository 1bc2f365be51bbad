"""The tables and the page of the DifBFSR study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .report import DIGITS, write_csv
from .runs import Result, write_text
from .scores import SCORES
from .statistics import difference, interval

Entry = tuple[str, int | None, Result]
"""Name of a row, tau where it was sampled, and its scores."""

COMPARED = (
    ("cfm", "neither"),
    ("srm", "neither"),
    ("srm", "cfm"),
    ("both", "srm"),
    ("both", "cfm"),
    ("both", "input"),
    ("cfm", "cfm_box"),
    ("cfm", "cfm_bicubic_enlarged"),
    ("cfm_rest", "cfm"),
    ("both_rest", "both"),
    ("both_rest", "cfm_rest"),
    ("cfm_rest", "input"),
    ("both_rest", "input"),
    ("along_rest", "both_rest"),
    ("printed_rest", "both_rest"),
    ("cfm_rest_pdgrad", "cfm_rest"),
    ("cfm_rest_pdgrad", "pdgrad"),
    ("both_rest_pdgrad", "both_rest"),
    ("both_rest_pdgrad", "pdgrad"),
)
"""Which rows are compared on the same pictures: the first with the second."""


def write_report(
    folder: Path, stem: str, titles: Mapping[str, str], entries: Sequence[Entry], cases: int
) -> list[Path]:
    """Write the table, the tests, the scores by case, and the page.

    Args:
        folder: Where.
        stem: Of the files' names.
        titles: Of the rows.
        entries: In the order of the table.
        cases: Degradations that each face was put through, in equal parts.

    Returns:
        The files.
    """
    tables = {
        stem: [_score_row(entry) for entry in entries],
        f"{stem}_tests": _tests(entries),
        f"{stem}_cases": [row for entry in entries for row in _case_rows(entry, cases)],
    }
    written: list[Path] = []
    for name, rows in tables.items():
        if rows:
            written.append(folder / f"{name}.csv")
            write_csv(rows, written[-1])
    written.append(folder / f"{stem}.md")
    write_text(written[-1], _page(titles, entries, cases))
    return written


def _score_row(entry: Entry) -> dict[str, Any]:
    name, tau, result = entry
    row: dict[str, Any] = {"method": name, "tau": "" if tau is None else tau}
    row |= {"n": len(result.person), "people": len(set(result.person))}
    for metric in SCORES:
        found = interval(result.scores[metric], result.person)
        row[metric] = round(found.mean, 5)
        row[f"{metric}_low"], row[f"{metric}_high"] = round(found.low, 5), round(found.high, 5)
    return {**row, "seconds": round(result.seconds, 1)}


def _case_rows(entry: Entry, cases: int) -> list[dict[str, Any]]:
    name, tau, result = entry
    size = len(result.person) // cases
    return [
        {
            "method": name,
            "tau": "" if tau is None else tau,
            "case": case,
            **{
                metric: round(sum(values[case * size : (case + 1) * size]) / size, 5)
                for metric, values in result.scores.items()
            },
        }
        for case in range(cases)
    ]


def _tests(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    known = {(name, tau): result for name, tau, result in entries}
    rows: list[dict[str, Any]] = []
    for (name, tau), result in known.items():
        for first, second in COMPARED:
            other = known.get((second, tau)) or known.get((second, None))
            if first != name or other is None:
                continue
            for metric in SCORES:
                gap = difference(result.scores[metric], other.scores[metric], result.person)
                rows.append(
                    {
                        "method": first,
                        "against": second,
                        "tau": tau,
                        "metric": metric,
                        "difference": round(gap.interval.mean, 5),
                        "low": round(gap.interval.low, 5),
                        "high": round(gap.interval.high, 5),
                        "p": round(gap.p, 5),
                    }
                )
    return rows


def _page(titles: Mapping[str, str], entries: Sequence[Entry], cases: int) -> str:
    people = len(set(entries[0][2].person)) if entries else 0
    lines = [
        "# DifBFSR's ablation",
        "",
        "Written by `pdgrad ablate --study difbfsr`; what it means stands in `docs/evidence.md`.",
        "",
        f"{people} held-out people, 64 px from 16 px, {cases} degradations from hard to easy with "
        "the kernels' widths scaled by 64/512. Brackets: 95% bootstrap intervals by person. All "
        "rows share the noise. LPIPS and Deg come from networks that never guided.",
        "",
        "| row | | tau | PSNR dB | SSIM | LPIPS | Deg |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, tau, result in entries:
        cells = [_cell(metric, result) for metric in SCORES]
        lines.append(f"| {name} | {titles[name]} | {tau or ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(metric: str, result: Result) -> str:
    found, digits = interval(result.scores[metric], result.person), f".{DIGITS[metric]}f"
    return f"{found.mean:{digits}} [{found.low:{digits}}, {found.high:{digits}}]"

"""The report of every study: tables (.csv), plots (.png) and a page (.md) of what was found."""

from pathlib import Path

from ...files import write_whole
from ..results import write_text
from ..study import Findings, TableRows
from .page import page
from .tables import score_table, write_csv

__all__ = ["write_report"]


def write_report(folder: Path, findings: Findings) -> list[Path]:
    """Write what a study found into a folder, and return the files.

    Args:
        folder: Where.
        findings: Of the study, which says what is shown beside the scores.
    """
    study = findings.study
    written: list[Path] = []

    def file(name: str, ending: str) -> Path:
        written.append(folder / f"{name}{ending}")
        return written[-1]

    def table(name: str, rows: TableRows) -> None:
        if rows:
            write_csv(rows, file(name, ".csv"))

    for i, degree in enumerate(findings.results):
        # The first degree is the study's own; the others say their name.
        table(findings.file_stem(degree if i else ""), score_table(findings, degree))
    for name, make in study.tables.items():
        table(findings.file_stem(name), make(findings))
    shown: dict[str, str] = {}
    for name, plot in study.plots.items():
        picture = plot.draw(findings)
        if picture is not None:
            shown[findings.file_stem(name)] = plot.caption
            path = file(findings.file_stem(name), ".png")
            write_whole(path, lambda place, p=picture: p.save(place, format="PNG"))
    write_text(file(findings.file_stem(), ".md"), page(findings, shown))
    return written

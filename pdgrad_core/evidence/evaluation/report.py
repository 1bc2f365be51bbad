"""Writing an evaluation down: tables, a page, a plot, and a sheet with names or blind ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import write_whole
from ..report.tables import write_csv
from ..results import write_text
from .folders import Case
from .methods import DEGRADED, REFERENCE, Method
from .sheets import Shown, blind_sheet, plain_sheet, plot_scores
from .tables import Scored, difference_table, page, score_table
from .work import Work

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Report:
    """What was found, and where it is written.

    Attributes:
        out: Folder.
        work: Knows where the results lie.
        methods: In the order of the tables.
        scored: What was measured of each.
        baseline: Name of the method that the others are compared with.
        missing: What each metric lacks that was not measured.
        notes: For the page's head.
    """

    out: Path
    work: Work
    methods: Sequence[Method]
    scored: Sequence[Scored]
    baseline: str
    missing: Mapping[str, str]
    notes: Sequence[str]

    def write(self, sheet: str, faces: int) -> list[Path]:
        """Write everything, and return the files.

        Args:
            sheet: "plain", "blind" or "none".
            faces: On the sheets, at most.
        """
        written = [self.out / "scores.csv"]
        write_csv(score_table(self.scored), written[0])
        differences = difference_table(self.scored, self.baseline)
        if differences:
            written.append(self.out / "differences.csv")
            write_csv(differences, written[-1])
        pictures = {"scores.png": "the scores"}
        written.append(_save(plot_scores(self.scored), self.out / "scores.png"))
        if sheet != "none":
            shown = [self._shown(case) for case in self._on_sheet(faces)]
            if sheet == "plain":
                pictures["sheet.png"] = "some of the faces"
                written.append(_save(plain_sheet(shown), self.out / "sheet.png"))
            else:
                written += self._write_blind(shown)
        text = page(self.scored, differences, self.missing, self.notes, pictures)
        written.append(self.out / "evaluation.md")
        write_text(written[-1], text)
        return written

    def _on_sheet(self, count: int) -> Sequence[Case]:
        """Return so many cases, one of each person first."""
        first: dict[str, Case] = {}
        for case in self.work.pictures.cases:
            first.setdefault(case.person, case)
        chosen = list(first.values())
        others = [case for case in self.work.pictures.cases if case not in chosen]
        return [*chosen, *others][:count]

    def _shown(self, case: Case) -> Shown:
        images = {method.name: self.work.kept(method, case).image() for method in self.methods}
        given = {name: images.pop(name) for name in (DEGRADED, REFERENCE) if name in images}
        if case.truth is not None:
            given["truth"] = self.work.pictures.truth(case)
        return Shown(case.name, given, images)

    def _write_blind(self, shown: Sequence[Shown]) -> list[Path]:
        """Write a sheet of each face without names, a table to vote in, and the key apart."""
        folder = self.out / "blind"
        key: dict[str, dict[str, Any]] = {}
        written: list[Path] = []
        for number, case in enumerate(shown, 1):
            picture, letters = blind_sheet(case, self.work.pictures.degrading.seed)
            written.append(_save(picture, folder / f"{number:03}.png"))
            key[f"{number:03}"] = {"face": case.name, "letters": letters}
        write_csv([{"sheet": number, "best": ""} for number in key], folder / "votes.csv")
        write_text(self.out / "blind_key.json", json.dumps(key, indent=2) + "\n")
        return [*written, folder / "votes.csv", self.out / "blind_key.json"]


def _save(picture: "Image", path: Path) -> Path:
    write_whole(path, lambda place: picture.save(place, format="PNG"))
    return path

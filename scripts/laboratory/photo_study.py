"""The study on photos, made by `pdgrad evaluate`'s own code: restored, scored, tabled, resumed.

Settings were chosen on the tuning people, and are written out here: recipes' defaults move, tables
must not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from laboratory_models import METRIC_NAMES, LaboratoryModels
from photo_rows import (
    AS_TABLED,
    DEFAULT,
    METHODS,
    PDGRAD,
    TESTED,
    TableRow,
    corrected,
    differences,
    renamed,
    some_of,
    table_name,
    table_row,
)
from pose import POINTS, Turns, alike
from strangers import stranger_table

from pdgrad_core.evidence.evaluation.evaluate import Evaluation
from pdgrad_core.evidence.evaluation.methods import COARSE, parse_methods
from pdgrad_core.evidence.evaluation.report import Report
from pdgrad_core.evidence.evaluation.sheets import plot_scores
from pdgrad_core.evidence.evaluation.tables import Scored, difference_table, score_table
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.files import write_whole

STEPS = 25
SHARED: Mapping[str, Any] = {
    "tau": 250, "strength_mode": "dynamic", "stepper": "ddpm",
    "gradient_steps": 1, "gradient_window": (700, 1000),
}  # fmt: skip

CONTROLS = ("a1", "pgdiff_squared")
"""Rows that may have fewer faces than the others; they are compared on those."""

ORDINARY = ("heavy", "mild", "wrong", "several", "pose", "strangers")
PARTS = (*ORDINARY, "restorers")
"""The last needs networks that `prepare` does not write."""

COUNTS = (1, 3, 5)

RESTORERS: Mapping[str, Mapping[str, str]] = {
    "idm": {
        "idm": "idm:tau=1000,steps=10",
        "idm_guided": "idm+pdgrad:tau=1000,steps=10,strength=0.02",
        "idm_pdgrad": AS_TABLED,
    },
}
"""Other restorers, trained on the same photos: methods of which they are y_c, or sampled."""


@dataclass(frozen=True)
class Photos:
    """The study; each of `PARTS` is a method that makes its table.

    Attributes:
        faces: Folder of the test people, as `people` writes it.
        models: Folder of the networks.
        out: Everything that is made; what is there already is not made again.
        tables: Folder of the tables.
        limit: Faces of each part, at most; None for all. Called again with more, it goes on.
        controls: Faces of the rows of `CONTROLS`, at most.
        batch: Faces at a time.
        steps: Of every method; each number has results of its own.
    """

    faces: Path
    models: Path
    out: Path
    tables: Path
    limit: int | None = None
    controls: int | None = None
    batch: int = 8
    steps: int = STEPS

    def run(self, part: str) -> None:
        """Make the table of one of `PARTS`."""
        self.tables.mkdir(parents=True, exist_ok=True)
        getattr(self, part)()

    def heavy(self) -> None:
        """Every method under heavy degradation, one reference each; differences with tests."""
        self._degree("heavy")

    def mild(self) -> None:
        """The same under mild degradation, with the same settings."""
        self._degree("mild")

    def _degree(self, degree: str) -> None:
        found = self._evaluated(degree, degree, [name for name in METHODS if name not in CONTROLS])
        found.write("plain", 12)
        few = self._evaluated(degree, degree, (*CONTROLS, DEFAULT, PDGRAD), limit=self.controls)
        named = {table_name(one.method.name): one for one in few.scored}
        controls = [named[name] for name in CONTROLS]
        table = [table_row(one, degree=degree) for one in score_table([*found.scored, *controls])]
        write_csv(table, self.out / f"{degree}.csv")
        tests = differences(found.scored)
        for compared in ([*controls, named[DEFAULT]], [named["a1"], named[PDGRAD]]):
            tests += differences(compared)
        write_csv(corrected(tests), self._table(f"_{degree}_tests"))
        tables = [self.out / f"{name}.csv" for name in ("heavy", "mild")]
        joined = [line for path in tables if path.is_file() for line in _lines(path)]
        head = table[0].keys()
        if degree == "heavy":
            self._plot([*found.scored, *controls])
        self._table("").write_text("\n".join([",".join(head), *joined]) + "\n", encoding="utf-8")

    def _plot(self, scored: Sequence[Scored]) -> None:
        """Draw every row's means with their intervals, under the table's names."""
        shown = [
            replace(one, method=replace(one.method, name=table_name(one.method.name)))
            for one in scored
        ]
        picture = plot_scores(shown)
        write_whole(
            self._table("").with_suffix(".png"), lambda path: picture.save(path, format="PNG")
        )

    def wrong(self) -> None:
        """Somebody else's photo as the reference: how far does a face turn into them?"""
        found = self._evaluated("wrong", "heavy", (PDGRAD, DEFAULT), references="wrong", to=True)
        found.write("plain", 12)
        write_csv(
            [table_row(one, to=True) for one in score_table(found.scored)], self._table("_wrong")
        )

    def several(self) -> None:
        """One to five references, of the people who have five others."""
        rows: list[TableRow] = []
        for count in COUNTS:
            found = self._evaluated("several", "heavy", (DEFAULT,), faces="several", most=count)
            rows += [table_row(one, references=count) for one in score_table(found.scored)]
            write_csv(rows, self._table("_references"))

    def pose(self) -> None:
        """The heavy results once more: references turned to the side as the truth is, or not."""
        found = self._evaluated("heavy", "heavy", (PDGRAD, DEFAULT))
        cases, turns = found.work.pictures.cases, Turns(self.models / POINTS)
        truths = [case.truth for case in cases if case.truth is not None]
        same = alike(turns, truths, [case.references[0] for case in cases])
        rows: list[TableRow] = []
        for half, name in ((True, "alike"), (False, "unlike")):
            part = [some_of(one, [is_same == half for is_same in same]) for one in found.scored]
            rows += [table_row(one, pose=name) for one in score_table(part)]
        write_csv(rows, self._table("_pose"))

    def strangers(self) -> None:
        """Could the wrong references have been told from the right ones?"""
        write_csv(stranger_table(self.faces, self._models()), self._table("_strangers"))

    def restorers(self) -> None:
        """Other restorers on the heavy faces: alone, and as y_c; with the laboratory's own rows."""
        own = self._evaluated("restorers", "heavy", (AS_TABLED,)).scored
        rows = [{"restorer": "demo", **table_row(one)} for one in score_table(own)]
        tests: list[TableRow] = []
        for restorer, methods in RESTORERS.items():
            found = self._evaluated(restorer, "heavy", list(methods.values()), restorer=restorer)
            found.write("plain", 12)
            short = {full: name for name, full in methods.items()}
            named = [renamed(one, short) for one in found.scored if one.method.name in short]
            rows += [{"restorer": restorer, **table_row(one)} for one in score_table(named)]
            for other in (one for one in own if table_name(one.method.name) in (COARSE, PDGRAD)):
                tests += difference_table([other, *named], other.method.name)
        write_csv(rows, self._table("_restorers"))
        kept = [row for row in tests if row["metric"] in TESTED]
        shown = [{**row, "against": table_name(row["against"])} for row in kept]
        write_csv(corrected(shown), self._table("_restorers_tests"))

    def _table(self, name: str) -> Path:
        return self.tables / f"photos_lfw{name}.csv"

    def _models(self, restorer: str | None = None) -> LaboratoryModels:
        names = ("arcface", "vgg")
        return LaboratoryModels(str(self.models), restorer, names, torch.device("cpu"))

    def _evaluated(
        self,
        out: str,
        degree: str,
        names: Sequence[str],
        *,
        references: str = "references",
        faces: str = "",
        most: int = 1,
        limit: int | None = None,
        to: bool = False,
        restorer: str | None = None,
    ) -> Report:
        """Evaluate some of `METHODS`, or others; `to` measures the angle to the reference, too."""
        return Evaluation(
            methods=parse_methods(
                [METHODS.get(name, name) for name in names], {**SHARED, "steps": self.steps}
            ),
            models=self._models(restorer),
            out=self.out / out,
            truth=self.faces / faces / "truth",
            degraded=self.faces / faces / f"degraded-{degree}",
            references=self.faces / references,
            most_references=most,
            metrics=[one for one in METRIC_NAMES if to or not one.startswith("to_reference")],
            batch=self.batch,
            limit=limit or self.limit,
        ).measured()


def _lines(path: Path) -> list[str]:
    """Return a table's lines without its head."""
    return path.read_text(encoding="utf-8").splitlines()[1:]

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
from pose import POINTS, Turns, alike
from strangers import stranger_table

from pdgrad_core.evidence.evaluation.evaluate import Evaluation
from pdgrad_core.evidence.evaluation.methods import COARSE, DEGRADED, REFERENCE, parse_methods
from pdgrad_core.evidence.evaluation.report import Report
from pdgrad_core.evidence.evaluation.tables import Scored, difference_table, score_table
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.evidence.statistics import holm

STEPS = 25
SHARED: Mapping[str, Any] = {
    "tau": 250, "strength_mode": "dynamic", "stepper": "ddpm",
    "gradient_steps": 1, "gradient_window": (700, 1000),
}  # fmt: skip

DEFAULT, PDGRAD, NO_HIGH_C = "default", "pdgrad", "no_high_c"
METHODS: Mapping[str, str] = {
    "a1": "a1:strength=0.2",
    PDGRAD: "pdgrad:strength=0.2",
    NO_HIGH_C: "pdgrad:strength=0.2,high_coarse_weight=0",
    "pgdiff_squared": "pgdiff-reference:strength=0.2,weights=identity/250",
    "pgdiff_cosine": "pgdiff-reference-cosine:strength=0.2,weights=identity/160",
    DEFAULT: "pdgrad:strength=0.2,high_coarse_weight=0,mirrored=true,held_px=8",
}
"""What `pdgrad evaluate` calls each method of the table."""

CONTROLS = ("a1", "pgdiff_squared")
"""Rows that may have fewer faces than the others; they are compared on those."""

PICTURES = {DEGRADED: DEGRADED, COARSE: COARSE, REFERENCE: "reference_photo"}
IDENTITY = ("deg_faceres", "deg_dlib")
TESTED = ("lpips_alt", *IDENTITY)
ORDINARY = ("heavy", "mild", "wrong", "several", "pose", "strangers")
PARTS = (*ORDINARY, "restorers")
"""The last needs networks that `prepare` does not write."""

COUNTS = (1, 3, 5)

RESTORERS: Mapping[str, Mapping[str, str]] = {
    "idm": {
        "idm": "idm:tau=1000,steps=10",
        "idm_guided": "idm+pdgrad:tau=1000,steps=10,strength=0.02",
        "idm_pdgrad": "pdgrad:strength=0.2",
    },
}
"""Other restorers, trained on the same photos: methods of which they are y_c, or sampled."""

TableRow = dict[str, Any]


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
        few = self._evaluated(degree, degree, (*CONTROLS, DEFAULT), limit=self.controls).scored
        controls = [one for one in few if _name(one.method.name) in CONTROLS]
        table = [_row(one, degree=degree) for one in score_table([*found.scored, *controls])]
        write_csv(table, self.out / f"{degree}.csv")
        (default,) = (one for one in few if _name(one.method.name) == DEFAULT)
        tests = [*differences(found.scored), *differences([*controls, default])]
        write_csv(corrected(tests), self._table(f"_{degree}_tests"))
        tables = [self.out / f"{name}.csv" for name in ("heavy", "mild")]
        joined = [line for path in tables if path.is_file() for line in _lines(path)]
        head = table[0].keys()
        self._table("").write_text("\n".join([",".join(head), *joined]) + "\n", encoding="utf-8")

    def wrong(self) -> None:
        """Somebody else's photo as the reference: how far does a face turn into them?"""
        found = self._evaluated("wrong", "heavy", (PDGRAD, DEFAULT), references="wrong", to=True)
        found.write("plain", 12)
        write_csv([_row(one, to=True) for one in score_table(found.scored)], self._table("_wrong"))

    def several(self) -> None:
        """One to five references, of the people who have five others."""
        rows: list[TableRow] = []
        for count in COUNTS:
            found = self._evaluated("several", "heavy", (DEFAULT,), faces="several", most=count)
            rows += [_row(one, references=count) for one in score_table(found.scored)]
            write_csv(rows, self._table("_references"))

    def pose(self) -> None:
        """The heavy results once more: references turned to the side as the truth is, or not."""
        found = self._evaluated("heavy", "heavy", (PDGRAD, DEFAULT))
        cases, turns = found.work.pictures.cases, Turns(self.models / POINTS)
        truths = [case.truth for case in cases if case.truth is not None]
        same = alike(turns, truths, [case.references[0] for case in cases])
        rows: list[TableRow] = []
        for half, name in ((True, "alike"), (False, "unlike")):
            part = [_some(one, [is_same == half for is_same in same]) for one in found.scored]
            rows += [_row(one, pose=name) for one in score_table(part)]
        write_csv(rows, self._table("_pose"))

    def strangers(self) -> None:
        """Could the wrong references have been told from the right ones?"""
        write_csv(stranger_table(self.faces, self._models()), self._table("_strangers"))

    def restorers(self) -> None:
        """Other restorers on the heavy faces: alone, and as y_c; with the laboratory's own rows."""
        own = self._evaluated("heavy", "heavy", (PDGRAD,)).scored
        rows = [{"restorer": "demo", **_row(one)} for one in score_table(own)]
        tests: list[TableRow] = []
        for restorer, methods in RESTORERS.items():
            found = self._evaluated(restorer, "heavy", list(methods.values()), restorer=restorer)
            found.write("plain", 12)
            short = {full: name for name, full in methods.items()}
            named = [_renamed(one, short) for one in found.scored if one.method.name in short]
            rows += [{"restorer": restorer, **_row(one)} for one in score_table(named)]
            for other in (one for one in own if _name(one.method.name) in (COARSE, PDGRAD)):
                tests += difference_table([other, *named], other.method.name)
        write_csv(rows, self._table("_restorers"))
        kept = [row for row in tests if row["metric"] in TESTED]
        shown = [{**row, "against": _name(row["against"])} for row in kept]
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


def differences(scored: Sequence[Scored]) -> list[TableRow]:
    """Return the default minus every other row, and PDGrad minus the coarse image.

    Args:
        scored: Rows of the same pictures.
    """
    rows: list[TableRow] = []
    for first in scored:
        name = _name(first.method.name)
        if name == DEFAULT:
            others = [one for one in scored if one is not first]
        else:
            others = [one for one in scored if name == PDGRAD and one.method.name == COARSE]
        for other in others:
            found = difference_table([other, first], other.method.name)
            rows += [row for row in found if row["metric"] in TESTED]
    return [
        {**row, "method": _name(row["method"]), "against": _name(row["against"])} for row in rows
    ]


def corrected(tests: Sequence[TableRow]) -> list[TableRow]:
    """Return the tests of a table, corrected for their number."""
    found = holm([row["p"] for row in tests])
    return [{**row, "p_holm": round(p, 5)} for row, p in zip(tests, found, strict=True)]


def _some(scored: Scored, chosen: Sequence[bool]) -> Scored:
    """Return what was measured of some of the pictures."""

    def kept(values: Sequence[Any]) -> list[Any]:
        return [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]

    scores = {name: kept(values) for name, values in scored.scores.items()}
    return replace(scored, person=kept(scored.person), scores=scores)


def _renamed(scored: Scored, names: Mapping[str, str]) -> Scored:
    """Return the same scores under the method's short name."""
    return replace(scored, method=replace(scored.method, name=names[scored.method.name]))


def _name(text: str) -> str:
    """Return what the table calls a method of `pdgrad evaluate`."""
    return {**PICTURES, **{full: short for short, full in METHODS.items()}}.get(text, text)


def _row(found: Mapping[str, Any], *, to: bool = False, **more: Any) -> TableRow:
    """Return a row of a table of scores from `pdgrad evaluate`'s."""
    shown = ["psnr", *TESTED, *(("to_reference_faceres", "to_reference_dlib") if to else ())]
    row = {"method": _name(found["method"]), **more, "n": found["n"]}
    row |= {name: found[name] for name in shown}
    return row | {f"{name}_{end}": found[f"{name}_{end}"] for name in shown for end in _ENDS}


_ENDS = ("low", "high")


def _lines(path: Path) -> list[str]:
    """Return a table's lines without its head."""
    return path.read_text(encoding="utf-8").splitlines()[1:]

"""The study on photos, made by `pdgrad evaluate`'s own code: restored, scored, tabled, resumed.

Settings were chosen on the tuning people, and are written out here: recipes' defaults move, tables
must not.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from laboratory_models import METRIC_NAMES, LaboratoryModels

from pdgrad_core.evidence.evaluation.evaluate import Evaluation
from pdgrad_core.evidence.evaluation.methods import COARSE, DEGRADED, REFERENCE, parse_methods
from pdgrad_core.evidence.report.tables import write_csv
from pdgrad_core.evidence.statistics import holm

SHARED: Mapping[str, Any] = {
    "tau": 350, "steps": 12, "strength_mode": "dynamic", "stepper": "ddpm",
    "gradient_steps": 1, "gradient_window": (700, 1000),
}  # fmt: skip

DEFAULT = "default"
METHODS: Mapping[str, str] = {
    "a1": "a1:strength=0.2",
    "pdgrad": "pdgrad:strength=0.2",
    "pgdiff_squared": "pgdiff-reference:strength=0.2,weights=identity/1",
    "pgdiff_cosine": "pgdiff-reference-cosine:strength=0.2,weights=identity/160",
    DEFAULT: "pdgrad:strength=0.2",
}
"""What `pdgrad evaluate` calls each method of the table."""

PICTURES = {DEGRADED: DEGRADED, COARSE: COARSE, REFERENCE: "reference_photo"}
DEGREES = ("heavy", "mild")
IDENTITY = ("deg_faceres", "deg_dlib")
ENDS = ("", "_low", "_high")


@dataclass(frozen=True)
class Photos:
    """The study.

    Attributes:
        faces: Folder of the test people, as `people` writes it.
        models: Folder of the networks.
        out: Everything that is made; what is there already is not made again.
        tables: Folder of the tables.
        batch: Faces at a time.
    """

    faces: Path
    models: Path
    out: Path
    tables: Path
    batch: int = 8

    def run(self, parts: Sequence[str]) -> None:
        """Make the tables of some of `PARTS`."""
        self.tables.mkdir(parents=True, exist_ok=True)
        for part in parts:
            getattr(self, f"_{part}")()

    def _methods(self) -> None:
        """Every method under every degree, one reference each; differences with tests."""
        rows: list[dict[str, Any]] = []
        tests: list[dict[str, Any]] = []
        for degree in DEGREES:
            found = self._evaluated(self.out / degree, degree, tuple(METHODS))
            rows += [_row(one, {"degree": degree}) for one in found]
            write_csv(rows, self.tables / "photos_lfw.csv")
            tests += self._tests(degree)
        _correct(tests)
        write_csv(tests, self.tables / "photos_lfw_tests.csv")

    def _wrong(self) -> None:
        """Somebody else's photo as the reference: how far does a face turn into them?"""
        found = self._evaluated(
            self.out / "wrong", "heavy", ("pdgrad", DEFAULT), references="wrong", towards=True
        )
        write_csv([_row(one, {}, towards=True) for one in found], self._table("wrong"))

    def _several(self) -> None:
        """One to five references, of the people who have five others."""
        rows: list[dict[str, Any]] = []
        for count in (1, 2, 3, 5):
            found = self._evaluated(
                self.out / "several", "heavy", ("pdgrad", DEFAULT), faces="several", most=count
            )
            rows += [_row(one, {"references": count}) for one in found]
            write_csv(rows, self._table("references"))

    def _table(self, name: str) -> Path:
        return self.tables / f"photos_lfw_{name}.csv"

    def _tests(self, degree: str) -> list[dict[str, Any]]:
        """Return how the default differs from every other row, and PDGrad from the coarse image."""
        out, every = self.out / degree, tuple(METHODS)
        self._evaluated(out, degree, every, baseline=METHODS[DEFAULT])
        rows = [_flipped(row, degree) for row in _read(out / "differences.csv")]
        self._evaluated(out, degree, every)
        against = {METHODS["pdgrad"]: "pdgrad", METHODS[DEFAULT]: DEFAULT}
        more = [one for one in _read(out / "differences.csv") if one["method"] in against]
        plain = [_named(row, degree) for row in more if against[row["method"]] == "pdgrad"]
        kept = ("lpips_alt", *IDENTITY)
        return [row for row in (*rows, *plain) if row["metric"] in kept]

    def _evaluated(
        self,
        out: Path,
        degree: str,
        names: Sequence[str],
        *,
        references: str = "references",
        faces: str = "",
        most: int = 1,
        baseline: str = "",
        towards: bool = False,
    ) -> list[dict[str, Any]]:
        """Evaluate, and return the rows of the scores."""
        folder = self.faces / faces
        metrics = [one for one in METRIC_NAMES if towards or not one.startswith("to_reference")]
        methods = parse_methods([METHODS[name] for name in names], SHARED)
        Evaluation(
            methods=methods,
            models=LaboratoryModels(
                str(self.models), None, ("arcface", "vgg"), torch.device("cpu")
            ),
            out=out,
            truth=folder / "truth",
            degraded=folder / f"degraded-{degree}",
            references=self.faces / references,
            most_references=most,
            metrics=metrics,
            baseline=baseline,
            batch=self.batch,
            sheet="plain" if not baseline else "none",
        ).run()
        return _read(out / "scores.csv")


PARTS = ("methods", "wrong", "several")
"""What can be asked for, by the names of `Photos`'s methods."""


def _read(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _name(text: str) -> str:
    """Return what the table calls a method of `pdgrad evaluate`."""
    names = {full: short for short, full in METHODS.items()}
    return {**PICTURES, **names}[text]


def _row(
    found: Mapping[str, Any], more: Mapping[str, Any], towards: bool = False
) -> dict[str, Any]:
    """Return a row of the table of scores from `pdgrad evaluate`'s."""
    shown = ["psnr", "lpips_alt", *IDENTITY]
    shown += ["to_reference_faceres", "to_reference_dlib"] if towards else []
    row = {"method": _name(found["method"]), **more, "n": found["n"]}
    row |= {name: found[name] for name in shown}
    row |= {f"{name}{end}": found[f"{name}{end}"] for name in shown for end in ENDS[1:]}
    return row


def _named(found: Mapping[str, Any], degree: str) -> dict[str, Any]:
    row = {"degree": degree, **found, "p": float(found["p"])}
    return {**row, "method": _name(found["method"]), "against": _name(found["against"])}


def _flipped(found: Mapping[str, Any], degree: str) -> dict[str, Any]:
    """Return the difference the other way round: the default's minus the other's."""
    row = _named(found, degree)
    return {
        **row,
        "method": row["against"],
        "against": row["method"],
        "difference": -float(found["difference"]),
        "low": -float(found["high"]),
        "high": -float(found["low"]),
    }


def _correct(tests: list[dict[str, Any]]) -> None:
    """Correct all tests of a table for their number, in place."""
    for row, p in zip(tests, holm([row["p"] for row in tests]), strict=True):
        row["p_holm"] = round(p, 5)

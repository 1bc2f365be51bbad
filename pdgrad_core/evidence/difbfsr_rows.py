"""The rows of the DifBFSR study, as data: where sampling starts, and what contracts it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..difbfsr import CONTRACTION
from ..registry import unknown_name

TAUS = (500, 250)
"""Where sampling starts; the plain rows are run at both, the others at the first."""

ENLARGEMENTS: Mapping[str, Mapping[str, Any]] = {
    "srm": {"cfm": "none"},
    "both": {},
    "printed": {"cfm": "printed"},
    "low_passed": {"objective": "low_passed"},
    "enlarged": {"objective": "enlarged"},
    "features": {"skip": "features"},
}
"""Parameters of `DifBFSR` for each way of fitting an enlargement to y."""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: In the tables.
        title: In a few words.
        start: What is noised: "bicubic", "coarse" or a key of `ENLARGEMENTS`.
        towards: What it is contracted to: "bicubic", a key of `ENLARGEMENTS`, "along" for one that
            is fitted along the steps, or None for no contraction.
        values: Parameters of the contraction.
        sampled: Whether anything is sampled; else `start` itself is scored.
        guided: Whether PDGrad guides towards the reference photo and the coarse image.
        taus: Where sampling starts.
    """

    name: str
    title: str
    start: str = "bicubic"
    towards: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sampled: bool = True
    guided: bool = False
    taus: tuple[int, ...] = TAUS[:1]


_REST = {"until": CONTRACTION["until"]}

ROWS = (
    Row("input", "y, enlarged bicubically", sampled=False),
    Row("srm_image", "the fitted enlargement itself, without CFM", "srm", sampled=False),
    Row("both_image", "the fitted enlargement itself, with CFM", "both", sampled=False),
    Row("low_passed_image", "the same, eq. 3 low-passed", "low_passed", sampled=False),
    Row("enlarged_image", "the same, eq. 3 at the enlarged size", "enlarged", sampled=False),
    Row("features_image", "the same, skip between features", "features", sampled=False),
    Row("neither", "prior alone, from the noised bicubic y", taus=TAUS),
    Row("cfm", "contraction towards the bicubic y", towards="bicubic", taus=TAUS),
    Row("srm", "prior alone, from the noised enlargement", "srm", taus=TAUS),
    Row("both", "DifBFSR: contraction towards the enlargement", "both", "both", taus=TAUS),
    Row("cfm_box", "cfm with block means", towards="bicubic", values={"kernel": "box"}),
    Row(
        "cfm_bicubic_enlarged",
        "cfm with bicubic enlarging, no projection",
        towards="bicubic",
        values={"kernel": "bicubic_enlarged"},
    ),
    Row("cfm_rest", "cfm, at rest in the last steps", towards="bicubic", values=_REST),
    Row("both_rest", "both, at rest in the last steps", "both", "both", _REST),
    Row("along_rest", "the same, fitted along the steps", towards="along", values=_REST),
    Row("printed_rest", "the same, eta in the fit only", "both", "printed", _REST),
    Row("pdgrad", "PDGrad's guidance, no contraction", "coarse", guided=True),
    Row("cfm_rest_pdgrad", "cfm_rest and PDGrad", "coarse", "bicubic", _REST, guided=True),
    Row("both_rest_pdgrad", "both_rest and PDGrad", "coarse", "both", _REST, guided=True),
)
"""All rows, in the order of the table."""


def chosen_rows(names: tuple[str, ...]) -> tuple[Row, ...]:
    """Return the named rows in the order of the table; all for no name.

    Raises:
        UnknownNameError: There is no such row.
    """
    known = [row.name for row in ROWS]
    for name in names:
        if name not in known:
            raise unknown_name("row of the study", name, known)
    return tuple(row for row in ROWS if not names or row.name in names)

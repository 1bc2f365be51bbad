"""The study of PDGrad: its ablations, PGDiff's losses, other surgeries and controls.

Every method starts from the same noised coarse image with the same noise, in the same steps; only
the guidance differs. The controls are what a sceptic would ask for. Every method is tuned on people
of its own, then tested on others under two degrees of degradation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ...recipes import Recipe, recipe
from ..faces import DEGRADED, REFERENCE, Degree
from ..pairs import DEGREES
from ..report.page import conflicts, settings
from ..report.plots import plot_conflicts, plot_scores
from ..report.tables import steps, tests, tuning
from ..rows import PINNED, Change, Row
from ..study import PROCESS_SETTINGS, STUDIES, Findings, Plot, Setting, Study
from ..tuning import Tuning

TUNED_ON = "heavy"
"""The degree under which settings are chosen."""


_LESSER = (
    ("a3", "A3: only d_arc at the low level", recipe("a3")),
    ("a4", "A4: only d_vgg at the low level", recipe("a4")),
    ("a5", "A5: only the coarse image", recipe("a5")),
    ("a6", "A6: only the reference", recipe("a6")),
    ("torchjd_upgrad", "torchjd's UPGrad", replace(recipe("pdgrad"), combiner="torchjd_upgrad")),
    # PCGrad of two gradients is twice UPGrad: the same direction. So another one beside it.
    (
        "torchjd_alignedmtl",
        "torchjd's AlignedMTL",
        replace(recipe("pdgrad"), combiner="torchjd_alignedmtl"),
    ),
)


def _strengths(**values: tuple[float, ...]) -> tuple[Change, ...]:
    return tuple(
        {"strength_mode": mode, "strength": s} for mode, several in values.items() for s in several
    )


@dataclass(frozen=True)
class Grid:
    """The values that are tried.

    Attributes:
        taus: Starts beside 500.
        strengths: Of every guidance but PGDiff's losses.
        pgdiff_strengths: Of these.
        squared: Weights of PGDiff's squared identity; the first is where tuning begins.
        cosine: Of the cosine one.
        longer: Factors of the shorter schedule's steps.
    """

    taus: tuple[int, ...]
    strengths: tuple[Change, ...]
    pgdiff_strengths: tuple[Change, ...]
    squared: tuple[float, ...]
    cosine: tuple[float, ...]
    longer: tuple[int, ...]

    def starts(self) -> tuple[Change, ...]:
        """Return the changes of tau."""
        return tuple({"tau": tau} for tau in self.taus)

    def schedules(self, steps: int) -> tuple[Change, ...]:
        """Return the changes of the number of steps."""
        return tuple({"steps": factor * steps} for factor in self.longer)


# Around what a first look at the embedded networks found to work; see docs/evidence_pdgrad.md.
TABLED = Grid(
    taus=(700, 350),
    strengths=_strengths(dynamic=(0.05, 0.1, 0.2), constant=(100.0,)),
    pgdiff_strengths=_strengths(dynamic=(0.1, 0.2), constant=(0.05, 0.1)),
    squared=(5.0, 1.0, 25.0),
    cosine=(640.0, 160.0, 2500.0),
    longer=(2,),
)
"""What the tables in `docs/evidence` were tuned over; most methods chose a value at its edge."""

WIDE = Grid(
    taus=(700, 350, 250, 150),
    strengths=_strengths(dynamic=(0.05, 0.1, 0.2, 0.4, 0.8), constant=(100.0, 400.0)),
    pgdiff_strengths=_strengths(dynamic=(0.05, 0.1, 0.2, 0.4, 0.8), constant=(0.05, 0.1)),
    squared=(5.0, 1.0, 25.0, 0.25, 0.06),
    cosine=(640.0, 160.0, 2500.0, 40.0, 10.0),
    longer=(2, 4),
)
"""Beyond every edge that a method chose."""


def _pdgrad(name: str, title: str, guide: Recipe, steps: int, grid: Grid, **more: Any) -> Row:
    # The start matters most, and strengths are to be compared from a good one.
    stages = (grid.starts(), grid.strengths, grid.schedules(steps))
    return Row(name, title, _first(guide, steps), stages=stages, **more)


def _first(guide: Recipe, steps: int) -> Recipe:
    return replace(guide, **PINNED, tau=500, steps=steps, strength=0.1)


def _pgdiff(name: str, title: str, weights: tuple[float, ...], steps: int, grid: Grid) -> Row:
    numbers: dict[str, Any] = {"identity": weights[0], "tau": 500, "steps": steps}
    shared = {**PINNED, "strength_mode": "constant", "strength": 0.1}
    first = replace(recipe(name), **shared, **numbers)
    changes = tuple({"identity": weight} for weight in weights)
    stages = (grid.starts(), grid.pgdiff_strengths, changes, grid.schedules(steps))
    return Row(name.replace("-", "_"), title, first, stages=stages)


def _rows(steps: int) -> tuple[Row, ...]:
    """Return every method, in the order of the tables."""
    return _rows_over(steps, TABLED)


def _wide_rows(steps: int) -> tuple[Row, ...]:
    """Return every method, with grids beyond the edges that were chosen."""
    return _rows_over(steps, WIDE)


def _rows_over(steps: int, grid: Grid) -> tuple[Row, ...]:
    prior_alone = replace(recipe("none"), **PINNED, strength=0.0, tau=500, steps=steps)
    half = replace(recipe("a1"), low_reference_weight=0.5)
    # What surgery is to reconcile with the pivots is left out.
    pivots = replace(recipe("a1"), low_reference_weight=0.0, high_coarse_weight=0.0)
    return (
        Row("degraded", "the degraded picture itself", start=DEGRADED),
        Row("reference_photo", "the reference photo itself", start=REFERENCE),
        Row("coarse", "the coarse restoration"),
        Row(
            "no_guidance",
            "the prior alone, from the noised coarse image",
            prior_alone,
            stages=(grid.starts(), grid.schedules(steps)),
        ),
        _pgdiff("pgdiff-reference", "PGDiff's losses, squared identity", grid.squared, steps, grid),
        _pgdiff(
            "pgdiff-reference-cosine", "PGDiff's losses, cosine identity", grid.cosine, steps, grid
        ),
        _pdgrad("a1", "A1: the plain sum", recipe("a1"), steps, grid),
        _pdgrad("a2", "A2: projection without k", recipe("a2"), steps, grid),
        _pdgrad("pdgrad", "PDGrad", recipe("pdgrad"), steps, grid),
        # What these are there to show, one degree shows.
        *(_pdgrad(*lesser, steps, grid, degrees=(TUNED_ON,)) for lesser in _LESSER),
        _pdgrad("a1_half_low_r", "control: A1 with low_r at half weight", half, steps, grid),
        _pdgrad("pivots_only", "control: low_c + high_r alone", pivots, steps, grid),
        Row(
            "a1_as_pdgrad",
            "control: A1 with the settings that PDGrad was tuned to",
            _first(recipe("a1"), steps),
            settings_of="pdgrad",
        ),
    )


def _title(findings: Findings) -> str:
    pictures = findings.images.name if findings.images else "drawn faces"
    return f"PDGrad and its ablations on {pictures}"


def _introduction(findings: Findings) -> str:
    tested, tuned = findings.first.person, next(iter(findings.trials.values()))[0].result.person
    return (
        f"{len(tested)} pairs of {len(set(tested))} held-out people at 64 px; settings of every "
        f"method chosen on {len(tuned)} pairs of {len(set(tuned))} other people (under "
        f"{TUNED_ON} degradation, by Deg and LPIPS relative to the coarse image's). Brackets: 95% "
        "bootstrap intervals by person. All methods share coarse image, starting noise and step "
        "noise. Deg and LPIPS come from networks trained apart from those that guide."
    )


_COMPARED = (
    *(("pdgrad", other) for other in ("coarse", "pgdiff_reference", "pgdiff_reference_cosine")),
    *(("pdgrad", other) for other in ("a2", "a5", "a1_half_low_r", "pivots_only", "a1_as_pdgrad")),
    *((f"pgdiff_reference{kind}", "coarse") for kind in ("", "_cosine")),
)
"""What the text compares beside A1; each has a row in the table of tests."""


def _study(name: str, stem: str, rows: Callable[[int], tuple[Row, ...]]) -> Study:
    return Study(
        name=name,
        stem=stem,
        rows=rows,
        degrees=tuple(
            Degree(name, lambda _side, preset=preset: (preset,)) for name, preset in DEGREES.items()
        ),
        title=_title,
        introduction=_introduction,
        noun="method",
        people=200,
        tuning=Tuning(TUNED_ON),
        facts=("pairs",),
        settings=(*PROCESS_SETTINGS, Setting("weight", "identity", "PGDiff weight")),
        baseline="a1",
        compared=_COMPARED,
        tables={"tests": tests, "tuning": tuning, "steps": steps},
        sections=(conflicts, settings),
        plots={
            "": Plot("scores", plot_scores),
            "conflicts": Plot("conflicts by step", partial(plot_conflicts, row="pdgrad")),
        },
    )


for _name, _stem, _of in (("pdgrad", "ablation", _rows), ("pdgrad-wide", "wide", _wide_rows)):
    STUDIES.add(_name, _study(_name, _stem, _of))

"""The study of DifBFSR: Table 4's rows, the readings of its equations, and guidance on top.

Every row restores the same faces under the same eight degradations, with the same noise in the same
steps; only where sampling starts and what contracts it differ.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor

from ...contractions import Contraction
from ...contractions.difbfsr import DifBFSR
from ...contractions.fit import FitSettings
from ...contractions.low_pass import LowPass
from ...degradations import Degradation, preset
from ...degradations.presets import PUBLISHED_SIZE_PX
from ...diffusion.noise import per_image_generators
from ...recipes import Recipe, recipe
from ..faces import COARSE, DEGRADED, Degree, FaceSet, Picture
from ..report.tables import cases, tests
from ..rows import PINNED, Change, Choice, Filter, Row
from ..study import STUDIES, Findings, Study

SCALE = 4
FIT_SEED = 7_000_000
TAUS: tuple[Change, ...] = ({"tau": 500}, {"tau": 250})
"""Where sampling starts; the plain rows are run at both, the others at the first."""

PDGRAD_STRENGTH = 0.1
"""Of the guided rows, at which the table was made; the recipe's own has changed since."""

_REST: dict[str, Any] = {"until": 150}


def cases_for(size_px: int) -> tuple[Degradation, ...]:
    """Return the paper's eight cases, hard to easy, for faces of this size.

    The kernels' widths are scaled by size / 512; the scale of 4, the noise and the JPEG quality are
    as published.
    """
    factor = size_px / PUBLISHED_SIZE_PX
    return tuple(
        replace(
            case,
            kernel_px=2 * max(1, round((case.kernel_px - 1) * factor / 2)) + 1,
            sigma_px=(case.sigma_px[0] * factor, case.sigma_px[1] * factor),
        )
        for case in preset("difbfsr").cases
    )


def _fit(faces: FaceSet, which: Tensor, **values: Any) -> DifBFSR:
    """Return DifBFSR's contraction for some of the faces; a face keeps its seed."""
    generators = per_image_generators([FIT_SEED + int(number) for number in which])
    low = faces.low[which].to(faces.models.device)
    return DifBFSR(low, generators=generators, scale=SCALE, **values)


def _enlargement(name: str, **values: Any) -> Picture:
    """Return y enlarged by networks that are fitted to it, with these parameters of `DifBFSR`."""
    return Picture(name, lambda faces, which: _fit(faces, which, **values).prepare())


def _towards(picture: Picture, **values: Any) -> Filter:
    """Return the contraction towards a picture, with these parameters of `LowPass`."""

    def make(faces: FaceSet, which: Tensor, _choice: Choice, /) -> Contraction:
        return LowPass(faces.on_device(picture, which), factor=SCALE, **values)

    return make


def _along(faces: FaceSet, which: Tensor, choice: Choice) -> Contraction:
    """Return the contraction that is fitted along the steps, and rests in the last ones."""
    # About as many updates in all as before sampling.
    per_step = max(1, round(FitSettings.iterations / choice.steps))
    return _fit(faces, which, fit="along", iterations_per_step=per_step, **_REST)


_SRM = _enlargement("srm", cfm="none")
_BOTH = _enlargement("both")
_PRINTED = _enlargement("printed", cfm="printed")
_LOW_PASSED = _enlargement("low_passed", objective="low_passed")
_ENLARGED = _enlargement("enlarged", objective="enlarged")
_FEATURES = _enlargement("features", skip="features")


def _alone(name: str, **values: Any) -> Recipe:
    return replace(recipe(name), scale=SCALE, **values)


def _recipes_alone() -> dict[str, Recipe]:
    """Return the recipes that do, without a filter beside them, what rows do with one."""
    return {
        "neither": _alone("difbfsr", fit="never", until=1000),
        "cfm": _alone("difbfsr", fit="never", until=0),
        "both": _alone("difbfsr", until=0),
        "cfm_rest": _alone("difbfsr", fit="never", **_REST),
        "both_rest": _alone("difbfsr", **_REST),
        "cfm_rest_pdgrad": _alone("difbfsr+pdgrad", fit="never", **_REST),
        "both_rest_pdgrad": _alone("difbfsr+pdgrad", **_REST),
        "cfm_rest_pdgrad_tuned": _alone("difbfsr+pdgrad", fit="never", **_REST),
    }


def _rows(steps: int) -> tuple[Row, ...]:
    """Return every row, in the order of the table."""
    alone = _recipes_alone()
    return tuple(replace(row, alone=alone.get(row.name)) for row in _bare_rows(steps))


def _bare_rows(steps: int) -> tuple[Row, ...]:
    """Return every row, in the order of the table, without what it is called elsewhere."""
    shared = {**PINNED, "tau": 500, "steps": steps}
    prior = replace(recipe("none"), **shared, strength=0.0)
    pdgrad = replace(recipe("pdgrad"), **shared, strength=PDGRAD_STRENGTH)
    # As PDGrad is tuned in the study of that name: a shorter way, more steps, a stronger pull.
    tuned = replace(pdgrad, tau=350, steps=8 * steps // 5, strength=0.2)
    cfm, both = _towards(DEGRADED), _towards(_BOTH)
    cfm_rest, both_rest = _towards(DEGRADED, **_REST), _towards(_BOTH, **_REST)
    box = _towards(DEGRADED, kernel="box")
    enlarged = _towards(DEGRADED, kernel="bicubic_enlarged")
    printed = _towards(_PRINTED, **_REST)
    return (
        Row("input", "y, enlarged bicubically", start=DEGRADED),
        Row("coarse", "y_c, from which the guided rows start", start=COARSE),
        Row("srm_image", "the fitted enlargement itself, without CFM", start=_SRM),
        Row("both_image", "the fitted enlargement itself, with CFM", start=_BOTH),
        Row("low_passed_image", "the same, eq. 3 low-passed", start=_LOW_PASSED),
        Row("enlarged_image", "the same, eq. 3 at the enlarged size", start=_ENLARGED),
        Row("features_image", "the same, skip between features", start=_FEATURES),
        Row("neither", "prior alone, from the noised bicubic y", prior, DEGRADED, variants=TAUS),
        Row("cfm", "contraction towards the bicubic y", prior, DEGRADED, cfm, TAUS),
        Row("srm", "prior alone, from the noised enlargement", prior, _SRM, variants=TAUS),
        Row("both", "DifBFSR: contraction towards the enlargement", prior, _BOTH, both, TAUS),
        Row("cfm_box", "cfm with block means", prior, DEGRADED, box),
        Row(
            "cfm_bicubic_enlarged",
            "cfm with bicubic enlarging, no projection",
            prior,
            DEGRADED,
            enlarged,
        ),
        Row("cfm_rest", "cfm, at rest in the last steps", prior, DEGRADED, cfm_rest),
        Row("both_rest", "both, at rest in the last steps", prior, _BOTH, both_rest),
        Row("along_rest", "the same, fitted along the steps", prior, DEGRADED, _along),
        Row("printed_rest", "the same, eta in the fit only", prior, _BOTH, printed),
        Row("pdgrad", "PDGrad's guidance, no contraction", pdgrad, COARSE),
        Row("cfm_rest_pdgrad", "cfm_rest and PDGrad", pdgrad, COARSE, cfm_rest),
        Row("both_rest_pdgrad", "both_rest and PDGrad", pdgrad, COARSE, both_rest),
        Row("pdgrad_tuned", "PDGrad with its own study's settings", tuned, COARSE),
        Row("cfm_rest_pdgrad_tuned", "cfm_rest and PDGrad with these", tuned, COARSE, cfm_rest),
    )


_COMPARED = (
    ("cfm", "neither"),
    ("srm", "neither"),
    ("srm", "cfm"),
    ("both", "srm"),
    ("both", "cfm"),
    ("both", "input"),
    ("srm_image", "input"),
    ("both_image", "input"),
    ("enlarged_image", "input"),
    ("features_image", "both_image"),
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
    ("pdgrad", "coarse"),
    ("cfm_rest_pdgrad", "coarse"),
    ("both_rest_pdgrad", "coarse"),
    ("both_rest_pdgrad", "cfm_rest_pdgrad"),
    ("pdgrad_tuned", "coarse"),
    ("cfm_rest_pdgrad_tuned", "coarse"),
    ("cfm_rest_pdgrad_tuned", "pdgrad_tuned"),
)


def _introduction(findings: Findings) -> str:
    people, (cases,) = len(set(findings.first.person)), findings.cases.values()
    return (
        f"{people} held-out people, 64 px from 16 px, {cases} degradations from hard to easy with "
        "the kernels' widths scaled by 64/512. Brackets: 95% bootstrap intervals by person. All "
        "rows share the noise. LPIPS and Deg come from networks that never guided."
    )


STUDIES.add(
    "difbfsr",
    Study(
        name="difbfsr",
        stem="difbfsr",
        rows=_rows,
        degrees=(Degree("cases", cases_for),),
        title=lambda _findings: "DifBFSR's ablation",
        introduction=_introduction,
        facts=("people", "steps"),
        keys=("tau",),
        compared=_COMPARED,
        tables={"tests": tests, "cases": cases},
    ),
)

"""The study of IDM: steps, noise levels, what it predicts, its iteration, and guidance.

Every row restores the same faces, degraded from clean truths, with the same noise. The networks
were trained on a set of which 15% of the targets are flawed.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor

from ...models.scorers import SCORES
from ...models.sets import ModelSet
from ...recipes import recipe
from ...restorers import load_restorer
from ...restorers.idm import IDMRestorer
from ..faces import COARSE, DEGRADED, Degree, FaceSet, Picture
from ..pairs import DEGREES
from ..report.tables import tests
from ..rows import Row
from ..study import STUDIES, Findings, Study

OWN = "idm"
"""The embedded network, before the extrinsic iteration; the file's name."""

SECOND = "idm-second"
"""After the extrinsic iteration."""

SHORT = {"x0": "idm-x0", "eps": "idm-eps", "p2": "idm-p2"}
"""Trained equally long, but shorter: eq. 7 and 6 with p = 1, and eq. 7 with p = 2."""

_CLEAN = "idm-x0-clean"
"""As the first of these, on the set without flaws."""


def _network(models: ModelSet, weights: str, **options: Any) -> IDMRestorer:
    path = models.paths["prior"].parent / f"{weights}.safetensors"
    restorer = load_restorer("idm", path, models.device, **options)
    assert isinstance(restorer, IDMRestorer)
    return restorer


def _restored(name: str, weights: str = OWN, **options: Any) -> Picture:
    """Return faces restored by an IDM of this file, with these parameters of `IDMRestorer`."""

    def paint(faces: FaceSet, which: Tensor) -> Tensor:
        restorer = _network(faces.models, weights, **options)
        return restorer(faces.on_device(DEGRADED, which), noise=faces.job(which).noise)

    return Picture(name, paint)


def _with_idm(models: ModelSet) -> ModelSet:
    """Return the networks with IDM as their prior."""
    return replace(models, prior=_network(models, OWN).prior)


_IDM = _restored("idm")


def _picture(name: str, title: str, weights: str = OWN, **options: Any) -> Row:
    return Row(name, title, start=_restored(name, weights, **options), weights=(weights,))


def _rows(steps: int) -> tuple[Row, ...]:
    """Return every row, in the order of the table."""
    return (*_restorers(), *_guided(steps))


def _restorers() -> tuple[Row, ...]:
    return (
        Row("input", "y, enlarged bicubically", start=DEGRADED),
        Row("coarse", "the demo's coarse network", start=COARSE),
        Row("idm", "IDM: 10 steps, DDPM", start=_IDM, weights=(OWN,)),
        *(_picture(f"steps_{steps}", f"{steps} steps", steps=steps) for steps in (5, 15, 20, 50)),
        _picture("ddim", "10 steps of DDIM", stepper="ddim"),
        _picture("log_snr", "evenly spaced log-SNR", spacing="log-snr"),
        *(
            _picture(f"linear_{last}", f"a linear schedule to {last}", spacing=f"linear-{last}")
            for last in (0.1, 0.3, 0.5)
        ),
        _picture("second", "after the extrinsic iteration", SECOND),
        _picture("x0", "predicts x_0 (eq. 7), a short training", SHORT["x0"]),
        _picture("x0_clean", "the same without flawed targets", _CLEAN),
        _picture("eps", "predicts the noise (eq. 6), as short", SHORT["eps"]),
        _picture("p2", "squared error (p = 2), as short", SHORT["p2"]),
    )


def _guided(steps: int) -> tuple[Row, ...]:
    # What the study of PDGrad chose on drawn faces.
    pdgrad = replace(recipe("pdgrad"), tau=350, strength=0.2, steps=steps)
    guided = replace(recipe("idm+pdgrad"), tau=1000, strength=0.02, steps=10)
    strong = replace(guided, strength=0.05)
    idm: dict[str, Any] = {"weights": (OWN,)}
    y_c: dict[str, Any] = {**idm, "start": _IDM, "coarse": _IDM}
    sampled: dict[str, Any] = {**idm, "networks": _with_idm}
    return (
        Row("pdgrad", "PDGrad from the coarse network", pdgrad),
        Row("idm_pdgrad", "PDGrad with IDM's answer as y_c", pdgrad, **y_c),
        Row("guided", "idm+pdgrad, y_c from the coarse network", guided, **sampled),
        Row("guided_strong", "the same with strength 0.05", strong, **sampled),
        Row("guided_own", "idm+pdgrad, y_c from IDM", guided, **{**sampled, **y_c}),
    )


_COMPARED = (
    *((name, "coarse") for name in ("idm", "pdgrad", "idm_pdgrad", "guided", "guided_own")),
    *((f"steps_{steps}", "idm") for steps in (5, 15, 20, 50)),
    *((name, "idm") for name in ("ddim", "log_snr", "linear_0.1", "linear_0.3", "linear_0.5")),
    ("second", "idm"),
    ("x0", "x0_clean"),
    ("eps", "x0"),
    ("p2", "x0"),
    ("idm_pdgrad", "pdgrad"),
    ("guided", "pdgrad"),
    ("guided_strong", "guided"),
    ("guided_own", "pdgrad"),
    ("guided_own", "idm"),
)


def _introduction(findings: Findings) -> str:
    people = len(set(findings.first.person))
    return (
        f"{people} held-out people, 64 px, PDGrad's degradations of clean truths. Brackets: 95% "
        "bootstrap intervals by person. All rows share the noise. LPIPS and Deg come from networks "
        "that never guided; colour is the distance of the mean colours, of 255."
    )


STUDIES.add(
    "idm",
    Study(
        name="idm",
        stem="idm",
        rows=_rows,
        degrees=(Degree("heavy", lambda _size: (DEGREES["heavy"],)),),
        title=lambda _findings: "IDM: steps, training, and guidance",
        introduction=_introduction,
        people=48,
        steps=40,
        facts=("pairs", "people", "steps"),
        compared=_COMPARED,
        tables={"tests": tests},
        scores=(*SCORES, "colour"),
    ),
)

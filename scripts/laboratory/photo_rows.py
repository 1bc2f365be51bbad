"""The rows of the study on photos: what the tables call them, and what is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pdgrad_core.evidence.evaluation.methods import COARSE, DEGRADED, REFERENCE
from pdgrad_core.evidence.evaluation.tables import Scored, difference_table
from pdgrad_core.evidence.statistics import holm

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

AS_TABLED = "pdgrad:strength=0.2,tau=350,steps=12"
"""PDGrad as the table of restorers was made with it, before more steps were found to be better."""

PICTURES = {DEGRADED: DEGRADED, COARSE: COARSE, REFERENCE: "reference_photo"}
IDENTITY = ("deg_faceres", "deg_dlib")
TESTED = ("lpips_alt", *IDENTITY)

TableRow = dict[str, Any]


def differences(scored: Sequence[Scored]) -> list[TableRow]:
    """Return the default minus every other row, and PDGrad minus the coarse image and A1.

    Args:
        scored: Rows of the same pictures.
    """
    rows: list[TableRow] = []
    for first in scored:
        name = table_name(first.method.name)
        if name == DEFAULT:
            others = [one for one in scored if one is not first]
        else:
            published = (COARSE, METHODS["a1"]) if name == PDGRAD else ()
            others = [one for one in scored if one.method.name in published]
        for other in others:
            found = difference_table([other, first], other.method.name)
            rows += [row for row in found if row["metric"] in TESTED]
    return [
        {**row, "method": table_name(row["method"]), "against": table_name(row["against"])}
        for row in rows
    ]


def corrected(tests: Sequence[TableRow]) -> list[TableRow]:
    """Return the tests of a table, corrected for their number."""
    found = holm([row["p"] for row in tests])
    return [{**row, "p_holm": round(p, 5)} for row, p in zip(tests, found, strict=True)]


def some_of(scored: Scored, chosen: Sequence[bool]) -> Scored:
    """Return what was measured of some of the pictures."""

    def kept(values: Sequence[Any]) -> list[Any]:
        return [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]

    scores = {name: kept(values) for name, values in scored.scores.items()}
    return replace(scored, person=kept(scored.person), scores=scores)


def renamed(scored: Scored, names: Mapping[str, str]) -> Scored:
    """Return the same scores under the method's short name."""
    return replace(scored, method=replace(scored.method, name=names[scored.method.name]))


def table_name(text: str) -> str:
    """Return what the table calls a method of `pdgrad evaluate`."""
    full = {**{name: short for short, name in METHODS.items()}, AS_TABLED: PDGRAD}
    return {**PICTURES, **full}.get(text, text)


def table_row(found: Mapping[str, Any], *, to: bool = False, **more: Any) -> TableRow:
    """Return a row of a table of scores from `pdgrad evaluate`'s."""
    shown = ["psnr", *TESTED, *(("to_reference_faceres", "to_reference_dlib") if to else ())]
    row = {"method": table_name(found["method"]), **more, "n": found["n"]}
    row |= {name: found[name] for name in shown}
    return row | {f"{name}_{end}": found[f"{name}_{end}"] for name in shown for end in _ENDS}


_ENDS = ("low", "high")

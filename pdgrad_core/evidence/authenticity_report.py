"""What the test of authenticity found, in words, as a table and as pictures."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .authenticity import Authenticity, Row

LEVELS = 127.5
"""Of a picture's 255, in one unit of [-1, 1]."""

SEEN_LEVELS = 2.0
"""A change of fewer levels of 255, as a mean square's root, is taken for none that is seen."""

SMOOTHED, ADDED = 0.9, 1.1
"""Less of the truth's detail is said to be smoothed away, more to be added."""


def answer(found: Authenticity) -> str:
    """Say whether the restorer spoils a face that is already good, and where it goes if repeated.

    The size of a change is the root of the mean square, in levels of 255.

    Args:
        found: At least two applications.
    """
    clean = found.clean
    times, once = len(clean) - 1, levels(clean[1], clean[0])
    all_times, last = levels(clean[-1], clean[0]), levels(clean[-1], clean[-2])
    seen = once >= SEEN_LEVELS
    verdict = "It changes good faces" if seen else "It leaves good faces nearly as they are"
    faces = f"{len(clean[0])} face{'s' if len(clean[0]) > 1 else ''}"
    return (
        f"{verdict}: applied once to {faces}, by {once:.1f} of 255 levels{_detail(found)}. "
        f"Applied {times} times, by {all_times:.1f}; the last time still moved them by {last:.1f}."
    )


def _detail(found: Authenticity) -> str:
    (kept,) = (row.scores.get("detail") for row in found.rows if _is_once(row))
    if kept is None:
        return ""
    what = "smooths them" if kept < SMOOTHED else "adds detail" if kept > ADDED else "keeps detail"
    return f", and {what} ({100 * kept:.0f}% of the energy of fine detail)"


def _is_once(row: Row) -> bool:
    return row.start == "x" and row.times == 1 and row.against == "x"


def levels(result: Tensor, truth: Tensor) -> float:
    """Return how far pictures `(N, 3, H, W)` in [-1, 1] are apart, in levels of 255."""
    return LEVELS * float((result.float() - truth.float()).square().mean().sqrt())


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, a line each."""
    names = list(rows[0].scores)
    lines = [f"{'result':<10} {'against':<10}" + "".join(f"{name:>9}" for name in names)]
    for row in rows:
        result = _applied(row.start, row.times)
        against = "x" if row.against == "x" else _applied(row.start, row.times - 1)
        figures = "".join(f"{row.scores[name]:>9.3f}" for name in names)
        lines.append(f"{result:<10} {against:<10}{figures}")
    return "\n".join(lines)


def _applied(start: str, times: int) -> str:
    if times == 0:
        return start
    return f"f({start})" if times == 1 else f"f^{times}({start})"


def sheet_rows(found: Authenticity, faces: int = 6) -> list[Tensor]:
    """Return pictures for a sheet, a row of faces each: x, f(x), then x_d, f(x_d), f(f(x_d)) ..."""
    chosen: Sequence[Tensor] = [*found.clean[:2], *found.degraded]
    return [images[:faces] for images in chosen]


def face_rows(found: Authenticity, faces: int = 6) -> list[Tensor]:
    """Return the pictures of `sheet_rows` with a row for each face."""
    return list(torch.stack(sheet_rows(found, faces), dim=1))

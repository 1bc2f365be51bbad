"""Pictures of an evaluation: a sheet with names, or blind ones with a key; a plot of the scores."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

from torch import Tensor

from ...metrics import METRICS
from ...sheet import Labelled, lay_out
from ..report.plots import as_picture, new_figure
from ..statistics import interval
from .tables import Scored

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE_PX = 192
SHOWN_METRICS = 4


@dataclass(frozen=True)
class Shown:
    """What is shown of one case.

    Attributes:
        name: Of the case.
        given: Pictures whose names everybody may know, by title: degraded, reference, truth.
        results: What the methods made, by their names.
    """

    name: str
    given: dict[str, Tensor]
    results: dict[str, Tensor]


def plain_sheet(cases: Sequence[Shown]) -> "Image":
    """Return all cases below each other: what was given, and every method's result by name."""
    return _stacked([lay_out(_labelled(case), SIDE_PX) for case in cases])


def _labelled(case: Shown) -> list[Labelled]:
    """Return a case's pictures: the recipe's name above, its numbers below, a line each."""
    found: list[Labelled] = []
    for name, image in {**case.given, **case.results}.items():
        title, _, numbers = name.partition(":")
        notes = tuple(numbers.split(",")) if numbers else ()
        found.append(Labelled(image, title, notes if found else (case.name,)))
    return found


def blind_sheet(case: Shown, seed: int) -> "tuple[Image, dict[str, str]]":
    """Return a case's sheet without names, and which method stands under each letter.

    The truth is not shown: who has it judges it, not the likeness.

    Args:
        case: With at least one result.
        seed: Of the order, which is another one for each case's name.
    """
    names = sorted(case.results)
    random.Random(f"{seed} {case.name}").shuffle(names)
    letters = dict(zip(ascii_uppercase, names, strict=False))
    given = [Labelled(image, title) for title, image in case.given.items() if title != "truth"]
    results = [Labelled(case.results[name], letter) for letter, name in letters.items()]
    return lay_out([*given, *results], SIDE_PX), letters


def plot_scores(scored: Sequence[Scored]) -> "Image":
    """Plot every method's mean with its interval, a panel for each of the first metrics."""
    names = list(scored[0].each())[:SHOWN_METRICS]
    figure, canvas = new_figure(3.2 * len(names) + 2, 1.2 + 0.34 * len(scored))
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        for place, one in enumerate(scored):
            mean = interval(one.scores[name], one.person)
            axis.plot((mean.low, mean.high), (place, place), color="#1f5fa8", linewidth=1.6)
            axis.plot(mean.mean, place, "o", color="#1f5fa8", markersize=4.5)
        metric = METRICS[name]
        better = "higher" if metric.higher_is_better else "lower"
        title = f"{metric.label}{f' ({metric.unit})' if metric.unit else ''}, {better} is better"
        axis.set_title(title, fontsize=9, loc="left")
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].set_yticks(range(len(scored)), [one.method.name for one in scored], fontsize=8)
    axes[0].invert_yaxis()
    return as_picture(canvas)


def _stacked(rows: "Sequence[Image]") -> "Image":
    from PIL import Image

    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)))
    sheet.paste("white", (0, 0, sheet.width, sheet.height))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet

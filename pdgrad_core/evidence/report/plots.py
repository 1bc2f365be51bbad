"""The plots of a study."""

from typing import TYPE_CHECKING, Any

from ...dependencies import require
from ...metrics import METRICS
from ..conflicts import LEVELS
from ..results import Result
from ..statistics import interval
from ..study import Findings
from .comparisons import key_of

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = {"psnr": "PSNR (dB)", "lpips": "LPIPS", "deg": "Deg (degrees)"}
_COLORS = ("#1f5fa8", "#d97a1f", "#4a8f4a")
_STEP_PANELS = {"conflict": "share in conflict", "cosine": "mean cosine", "k": "mean k in conflict"}


def plot_scores(findings: Findings) -> "Image":
    """Plot every row's mean with its interval: a panel per metric, a colour per degree.

    The rows are the first degree's; a line goes through the baseline's means.
    """
    first = next(iter(findings.results.values()))
    places = {_identity(findings, result): place for place, result in enumerate(first)}
    figure, canvas = new_figure(13, 1.2 + 0.34 * len(places))
    axes = figure.subplots(1, len(_SHOWN), sharey=True)
    middle = 0.15 * (len(findings.results) - 1)
    for axis, (metric, label) in zip(axes, _SHOWN.items(), strict=True):
        for shift, (degree, found) in enumerate(findings.results.items()):
            color = _COLORS[shift % len(_COLORS)]
            for result in found:
                place = places[_identity(findings, result)]
                mean = interval(result.scores[metric], result.person)
                y = place + 0.3 * shift - middle
                axis.plot((mean.low, mean.high), (y, y), color=color, linewidth=1.6)
                axis.plot(mean.mean, y, "o", color=color, markersize=4.5,
                          label=degree if place == 0 else None)  # fmt: skip
                if result.row == findings.study.baseline:
                    axis.axvline(mean.mean, color=color, linewidth=0.6, linestyle=":")
        better = "higher" if METRICS[metric].higher_is_better else "lower"
        axis.set_title(f"{label}, {better} is better", fontsize=10, loc="left")
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    titles = [_title(findings, result) for result in first]
    axes[0].set_yticks(range(len(titles)), titles, fontsize=8)
    axes[0].invert_yaxis()
    axes[0].legend(fontsize=8, title="degradation", title_fontsize=8)
    return as_picture(canvas)


def plot_conflicts(findings: Findings, row: str) -> "Image | None":
    """Plot a row's conflicts over the steps, or those of the first row with surgery.

    Args:
        findings: Of the study.
        row: Whose; where it was left out, the first one's that has surgery.

    Returns:
        The picture; None where no row has surgery.
    """
    surgery = {
        degree: [result for result in found if result.steps]
        for degree, found in findings.results.items()
    }
    if not any(surgery.values()):
        return None
    figure, canvas = new_figure(11, 3.4)
    axes = figure.subplots(1, len(_STEP_PANELS))
    for style, (degree, found) in zip(("-", "--", ":"), surgery.items(), strict=False):
        named = [result for result in found if result.row == row]
        for result in (named or found)[:1]:
            times = [step["t"] for step in result.steps]
            for axis, key in zip(axes, _STEP_PANELS, strict=True):
                for color, level in zip(_COLORS, LEVELS, strict=False):
                    values = [_number(step[f"{level}.{key}"]) for step in result.steps]
                    axis.plot(times, values, style, color=color, label=f"{level}, {degree}")
    for axis, title in zip(axes, _STEP_PANELS.values(), strict=True):
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("t", fontsize=8)
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].legend(fontsize=8)
    return as_picture(canvas)


def _identity(findings: Findings, result: Result) -> tuple[Any, ...]:
    return (result.row, *key_of(findings.study, result))


def _title(findings: Findings, result: Result) -> str:
    pairs = zip(findings.study.keys, key_of(findings.study, result), strict=False)
    return ", ".join([findings.titles[result.row], *(f"{key} {value}" for key, value in pairs)])


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """Return a matplotlib figure of so many inches, and the canvas that draws it."""
    # No pyplot: it holds global state.
    figures: Any = require("matplotlib.figure", "matplotlib", "The study's plots")
    canvases: Any = require("matplotlib.backends.backend_agg", "matplotlib", "The study's plots")
    figure = figures.Figure(figsize=(width, height), dpi=100, layout="constrained")
    return figure, canvases.FigureCanvasAgg(figure)


def as_picture(canvas: Any) -> "Image":
    """Return what a canvas draws as a Pillow picture."""
    import numpy as np
    from PIL import Image

    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())

"""The plots of the PDGrad study."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..dependencies import require
from .conflicts import LEVELS
from .methods import BASELINE
from .runs import Result
from .scores import HIGHER_IS_BETTER
from .statistics import interval

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = {"psnr": "PSNR (dB)", "lpips": "LPIPS", "deg": "Deg (degrees)"}
_COLORS = ("#1f5fa8", "#d97a1f", "#4a8f4a")
_STEP_PANELS = {"conflict": "share in conflict", "cosine": "mean cosine", "k": "mean k in conflict"}
_SURGERY = "pdgrad"


def plot_scores(results: Mapping[str, Sequence[Result]], titles: Mapping[str, str]) -> "Image":
    """Plot every method's mean with its interval: a panel per metric, a colour per degree.

    Args:
        results: Of each degree, in the order of the methods.
        titles: Of the methods.
    """
    names = [result.method for result in next(iter(results.values()))]
    figure, canvas = _figure(13, 1.2 + 0.34 * len(names))
    axes = figure.subplots(1, len(_SHOWN), sharey=True)
    for axis, (metric, label) in zip(axes, _SHOWN.items(), strict=True):
        for shift, (degree, found) in enumerate(results.items()):
            for result in found:
                place = names.index(result.method)
                mean = interval(result.scores[metric], result.person)
                y = place + 0.3 * shift - 0.15
                axis.plot((mean.low, mean.high), (y, y), color=_COLORS[shift], linewidth=1.6)
                axis.plot(mean.mean, y, "o", color=_COLORS[shift], markersize=4.5,
                          label=degree if place == 0 else None)  # fmt: skip
                if result.method == BASELINE:
                    axis.axvline(mean.mean, color=_COLORS[shift], linewidth=0.6, linestyle=":")
        better = "higher" if HIGHER_IS_BETTER[metric] else "lower"
        axis.set_title(f"{label}, {better} is better", fontsize=10, loc="left")
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].set_yticks(range(len(names)), [titles[name] for name in names], fontsize=8)
    axes[0].invert_yaxis()
    axes[0].legend(fontsize=8, title="degradation", title_fontsize=8)
    return _picture(canvas)


def plot_conflicts(results: Mapping[str, Sequence[Result]]) -> "Image":
    """Plot PDGrad's conflicts over the steps (of the first method with surgery, lacking PDGrad).

    Args:
        results: Of each degree.
    """
    figure, canvas = _figure(11, 3.4)
    axes = figure.subplots(1, len(_STEP_PANELS))
    for style, (degree, found) in zip(("-", "--", ":"), results.items(), strict=False):
        with_surgery = [result for result in found if result.steps]
        named = [result for result in with_surgery if result.method == _SURGERY]
        for result in (named or with_surgery)[:1]:
            times = [row["t"] for row in result.steps]
            for axis, key in zip(axes, _STEP_PANELS, strict=True):
                for color, level in zip(_COLORS, LEVELS, strict=False):
                    values = [_number(row[f"{level}.{key}"]) for row in result.steps]
                    axis.plot(times, values, style, color=color, label=f"{level}, {degree}")
    for axis, title in zip(axes, _STEP_PANELS.values(), strict=True):
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("t", fontsize=8)
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].legend(fontsize=8)
    return _picture(canvas)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    # No pyplot: it holds global state.
    figures: Any = require("matplotlib.figure", "matplotlib", "The study's plots")
    canvases: Any = require("matplotlib.backends.backend_agg", "matplotlib", "The study's plots")
    figure = figures.Figure(figsize=(width, height), dpi=100, layout="constrained")
    return figure, canvases.FigureCanvasAgg(figure)


def _picture(canvas: Any) -> "Image":
    import numpy as np
    from PIL import Image

    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())

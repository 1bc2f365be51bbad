"""The trace of a run: what happened at each step, as numbers for a report and as a plot."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from .dependencies import require
from .diffusion.sampler import Record
from .errors import InvalidInputError

if TYPE_CHECKING:
    from PIL.Image import Image


def trace_to_json(trace: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a trace as plain numbers: one row per step, lists with one entry per image.

    Args:
        trace: `SampleResult.trace`.

    Returns:
        Rows with "t", "repeat", "step_norm" |x_t - x_{t-1}|, "shift_norm" (how far guidance moved
        the step), "shift_fraction" (their ratio), and what the guidance recorded. Numbers that are
        not finite are None.
    """
    rows: list[dict[str, Any]] = []
    for record in on_host(trace):
        row: dict[str, Any] = {}
        for name, value in record.items():
            row[name] = _plain(value)
        if "shift_norm" in record:
            row["shift_fraction"] = _plain(
                torch.as_tensor(record["shift_norm"]) / torch.as_tensor(record["step_norm"])
            )
        rows.append(row)
    return rows


def on_host(trace: Sequence[Record]) -> list[Record]:
    """Return a trace with its tensors on the CPU: brought there together, not one by one.

    Args:
        trace: Rows whose tensors are still where they were computed.
    """
    places: dict[tuple[torch.device, torch.dtype], list[tuple[Record, str, torch.Tensor]]] = {}
    rows = [dict(row) for row in trace]
    for row in rows:
        for name, value in row.items():
            if isinstance(value, torch.Tensor):
                places.setdefault((value.device, value.dtype), []).append((row, name, value))
    for found in places.values():
        flat = torch.cat([value.detach().flatten() for _, _, value in found]).cpu()
        pieces = flat.split([value.numel() for _, _, value in found])
        for (row, name, value), piece in zip(found, pieces, strict=True):
            row[name] = piece.view(value.shape)
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return [_plain(number) for number in value.detach().flatten().cpu().tolist()]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# Panels of the plot: title, suffix of the traced names, logarithmic scale.
_PANELS = (
    ("cosine between the two gradients", ".cosine", False),
    ("k, the share kept of the projected gradient", ".k", False),
    ("gradient norms", "norm", True),
    ("losses", ".loss", True),
    ("shift by guidance / step", "shift_fraction", False),
)
# Norms of x, not of a gradient: their ratio has a panel of its own.
_NOT_PLOTTED = ("step_norm", "shift_norm")


def plot_trace(trace: Sequence[Record], image: int = 0) -> "Image":
    """Plot one image's trace over the steps, from the noisiest to the last.

    Args:
        trace: `SampleResult.trace`.
        image: Which image of the batch.

    Returns:
        A Pillow picture, 900 px wide, with a panel for each of: cosine, k, gradient norms, losses,
        and the step's shift; panels without data are left out.

    Raises:
        InvalidInputError: The trace is empty, or has no such image.
    """
    rows = trace_to_json(trace)
    if not rows:
        raise InvalidInputError("A trace plot needs at least one step, not an empty trace.")
    if not 0 <= image < len(rows[0]["step_norm"]):
        raise InvalidInputError(
            f"This trace is of {len(rows[0]['step_norm'])} images, counted from 0; "
            f"there is no image {image}."
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    panels = [
        (title, [n for n in names if n.endswith(suffix) and n not in _NOT_PLOTTED], logarithmic)
        for title, suffix, logarithmic in _PANELS
    ]
    panels = [panel for panel in panels if panel[1]]
    return _draw(rows, panels or [("|x_t - x_{t-1}|", ["step_norm"], True)], image)


def _draw(
    rows: list[dict[str, Any]], panels: list[tuple[str, list[str], bool]], image: int
) -> "Image":
    from PIL import Image

    figures: Any = require("matplotlib.figure", "matplotlib", "The trace plot")
    canvases: Any = require("matplotlib.backends.backend_agg", "matplotlib", "The trace plot")
    # No pyplot: it holds global state, and the host may plot from several threads.
    figure = figures.Figure(figsize=(9, 2.1 * len(panels)), dpi=100, layout="constrained")
    canvas = canvases.FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    steps = range(1, len(rows) + 1)
    for axis, (title, names, logarithmic) in zip(axes, panels, strict=True):
        for name in names:
            values = [_of_image(row.get(name), image) for row in rows]
            if logarithmic:
                values = [v if v > 0 else math.nan for v in values]
            axis.plot(steps, values, label=_label(name), linewidth=1.3)
        axis.set_title(title, fontsize=9, loc="left")
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        if logarithmic:
            axis.set_yscale("log")
        else:
            axis.ticklabel_format(axis="y", useOffset=False)
        if names == ["shift_fraction"]:
            # From zero, and with room above: a dynamic strength holds it constant up to rounding,
            # and a line on the frame is not seen.
            axis.set_ylim(0, 1.25 * _largest(rows, "shift_fraction", image))
        if any(name.endswith(".k") for name in names):
            axis.set_ylim(-0.05, 1.05)
        if any(name.endswith(".cosine") for name in names):
            axis.set_ylim(-1.05, 1.05)
            axis.axhline(0, color="black", linewidth=0.6)
        if len(names) > 1 or not names[0].startswith("shift"):
            axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[-1].set_xlabel(f"step (t from {rows[0]['t']} to {rows[-1]['t']})", fontsize=8)
    canvas.draw()
    return Image.fromarray(_pixels(canvas))


def _largest(rows: list[dict[str, Any]], name: str, image: int) -> float:
    """Return the largest finite value above 0, or 1 where there is none."""
    values = [_of_image(row.get(name), image) for row in rows]
    return max((value for value in values if value > 0), default=1.0)


def _pixels(canvas: Any) -> Any:
    import numpy as np

    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _of_image(value: Any, image: int) -> float:
    if isinstance(value, list):
        value = value[image] if image < len(value) else value[0]
    return math.nan if value is None else float(value)


def _label(name: str) -> str:
    for suffix in (".cosine", ".k", ".loss"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ").replace(".", " ")

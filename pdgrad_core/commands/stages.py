"""Writes what happened on the way: crops, x0hat through time, the trace plot."""

import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ..diffusion.sampler import Record, StepState
from ..files import write_whole
from ..images import save_image
from ..trace import plot_trace

X0HATS = 10
"""About so many estimates are kept of a run."""

_NAME = re.compile(
    r"(aligned|coarse|result|trace|reference\d+|x0hat_t\d+)(_face\d+)?\.png", re.IGNORECASE
)


def is_stage(name: str) -> bool:
    """Return whether a file of this name may be written among the stages of a photo."""
    return _NAME.fullmatch(name) is not None


class StageWriter:
    """Writes the stages of one photo into a folder, one file per face.

    Args:
        folder: Made if needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def images(self, name: str, images: Tensor) -> None:
        """Write a batch `(B, 3, H, W)` as NAME.png, or NAME_face0.png ... for several faces."""
        for face, image in enumerate(images):
            save_image(image, self.folder / f"{name}{_suffix(face, len(images))}.png")

    def on_step(self, state: StepState) -> None:
        """Keep every k-th x0hat, and the last."""
        every = max(1, state.total // X0HATS)
        if state.done % every == 0 or state.done == state.total:
            self.images(f"x0hat_t{state.context.t:04d}", state.x0hat)

    def trace(self, trace: Sequence[Record], faces: int) -> None:
        """Write each face's trace plot, where anything was sampled."""
        for face in range(faces if trace else 0):
            picture = plot_trace(trace, face)
            path = self.folder / f"trace{_suffix(face, faces)}.png"
            write_whole(path, lambda temporary, p=picture: p.save(temporary, format="PNG"))


def _suffix(face: int, faces: int) -> str:
    return "" if faces == 1 else f"_face{face}"

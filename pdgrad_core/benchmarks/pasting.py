"""How visible a pasted face is, measured on drawn group photos of which the truth is known."""

import statistics
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..alignment import Pasted, PasteSettings, paste_faces
from ..alignment.smoothing import smooth
from ..errors import InvalidInputError
from .pasting_scenes import CHANGES, Scene, restored, scenes

HARD = PasteSettings("crop", False, False, False, 0.0)
FEATHERED = PasteSettings("crop", False, False, False)

METHODS: dict[str, PasteSettings] = {
    "crop, hard edge": HARD,
    "crop, plain feather (as before)": FEATHERED,
    "face, plain feather": PasteSettings("face", False, False, False),
    "face, in bands": PasteSettings("face", False, False),
    "face, colours matched, in bands": PasteSettings("face", match_grain=False),
    "face, all matched (the default)": PasteSettings(),
}
"""The ways of pasting that are compared, by their names in words."""

_SECTORS = 24
_BAND_PX = 6
_CONTOURS = (0.002, 0.25, 0.5, 0.75, 0.98)


def benchmark_pasting(groups: int = 4, crop_px: int = 128) -> list[dict[str, Any]]:
    """Paste stand-ins for restored faces into drawn photos, in several ways.

    The photo is the truth: what a stand-in changes (grain, colours, backdrop, size) is what a
    seamless paste has to hide. In levels of 255:

    - "step": mean absolute difference of neighbouring pixels on either side of the weight's
      contours, above the truth's own: a line that is seen;
    - "jump": mean absolute difference between the strips on either side of the edge, above the
      truth's own, in 24 sectors around each face: a patch that is seen;
    - "grain": standard deviation of the noise in the pasted faces, less the truth's;
    - "outside": largest error where the weight is 0.

    Args:
        groups: Photos of each kind.
        crop_px: Side of the crops.

    Returns:
        A row for each method and change: "method", "change", and the four figures.

    Raises:
        InvalidInputError: No photo.
    """
    if groups < 1:
        raise InvalidInputError(f"Give at least one group photo, not {groups}.")
    photos = [one for seed in range(groups) for one in scenes(10 * seed).values()]
    rows: list[dict[str, Any]] = []
    for method, settings in METHODS.items():
        for name in CHANGES:
            measured = [_measured(one, paste(one, name, settings, crop_px)) for one in photos]
            rows.append({"method": method, "change": name, **_mean(measured)})
    return rows


def paste(scene: Scene, change: str, settings: PasteSettings, crop_px: int = 128) -> Pasted:
    """Paste what a change made of a scene's faces back into it."""
    faces, results = restored(scene, CHANGES[change], crop_px)
    return paste_faces(scene.photo, faces, results, settings)


def _mean(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    rows = list(rows)
    found = {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}
    return found | {"outside": max(row["outside"] for row in rows)}


def _measured(scene: Scene, pasted: Pasted) -> dict[str, float]:
    truth, image, weight = scene.photo, pasted.image, pasted.weight
    outside = (image - truth).abs() * (weight == 0)
    skin = (weight > 0.99) & (smooth((scene.cover < 0.5).float(), 2.0) < 0.01)
    return {
        "step": 127.5 * max(0.0, _step(image, weight) - _step(truth, weight)),
        "jump": 127.5 * _jump(image, truth, weight, scene),
        "grain": 127.5 * (_noise(image, skin) - _noise(truth, skin)),
        "outside": 127.5 * float(outside.max()),
    }


def _step(image: Tensor, weight: Tensor) -> float:
    """Return the mean absolute difference of neighbours that a contour of the weight parts."""
    steps: list[float] = []
    for level in _CONTOURS:
        inside = weight >= level
        parts: list[Tensor] = []
        for axis in (-1, -2):
            parted = inside.narrow(axis, 1, inside.shape[axis] - 1) ^ inside.narrow(
                axis, 0, inside.shape[axis] - 1
            )
            parts.append(image.diff(dim=axis).abs()[parted.expand(-1, 3, -1, -1)])
        steps.append(float(torch.cat(parts).mean()))
    return statistics.fmean(steps)


def _jump(image: Tensor, truth: Tensor, weight: Tensor, scene: Scene) -> float:
    """Return how much more the strips within and without the edge differ than in the truth."""
    size = 2 * _BAND_PX + 1
    pasted = (weight > 0).float()
    without = F.max_pool2d(pasted, size, 1, _BAND_PX) - pasted > 0
    half = (weight > 0.5).float()
    within = (half > 0) & (F.max_pool2d(1 - half, size, 1, _BAND_PX) > 0)
    height, width = image.shape[-2:]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    centres = np.array([face.mean(axis=0) for face in scene.faces])
    squared = ((np.stack([x, y], -1)[..., None, :] - centres) ** 2).sum(-1)
    nearest = squared.argmin(-1)
    found: list[float] = []
    for index, centre in enumerate(centres):
        turn = (np.arctan2(y - centre[1], x - centre[0]) / (2 * np.pi) + 0.5) * _SECTORS
        for sector in range(_SECTORS):
            place = torch.from_numpy((nearest == index) & (turn.astype(int) == sector))
            ours, theirs = place & within[0, 0], place & without[0, 0]
            if min(int(ours.sum()), int(theirs.sum())) < _BAND_PX**2 // 2:
                continue
            jumps = [one[0, :, ours].mean(1) - one[0, :, theirs].mean(1) for one in (image, truth)]
            found.append(float((jumps[0] - jumps[1]).abs().mean()))
    return statistics.fmean(found)


def _noise(image: Tensor, skin: Tensor) -> float:
    """Return the standard deviation of what is finer than the drawing, within the faces."""
    window = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6
    window = window.expand(3, 1, 3, 3)
    fine = F.conv2d(F.pad(image, (1,) * 4, mode="replicate"), window, groups=3)
    return 1.4826 * float(fine.abs()[skin.expand(-1, 3, -1, -1)].median())

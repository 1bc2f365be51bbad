"""A known share of flawed targets in a training set, to study what cleaning them is worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..degradations.base import Degradation
from ..errors import InvalidInputError
from ..files import write_whole
from ..images import from_uint8, to_uint8
from .dataset import read_arrays

FLAWED_SHARE = 0.15
"""What IDM counts in FFHQ."""

FLAWS: dict[str, Callable[[np.random.Generator], Degradation]] = {
    "jpeg": lambda random: Degradation(jpeg_quality=int(random.integers(15, 41))),
    "blur": lambda random: _blur(float(random.uniform(0.8, 1.6))),
    "noise": lambda random: Degradation(noise_delta=float(random.uniform(8.0, 20.0))),
}
"""The flaws by name, equally likely; blurs are for faces of 64 px. In a set they are 1, 2, ..."""


def _blur(sigma: float) -> Degradation:
    return Degradation(kernel="gaussian", kernel_px=11, sigma_px=(sigma, sigma))


def spoil(images: Path, out: Path, share: float = FLAWED_SHARE, seed: int = 0) -> int:
    """Write a copy of a training set in which some training targets are flawed.

    The copy says which, in "flaw" `(N,)` uint8: 0 for none, else the number of the kind in
    `FLAWS`, from 1. Validation targets stay clean. The same seed gives the same set.

    Args:
        images: An `.npz` that `open_faces` reads.
        out: The `.npz` to write.
        share: Share of the training targets, 0 to 1.
        seed: Of the choice and of the flaws.

    Returns:
        How many targets are flawed.

    Raises:
        ImageError: The source is missing or unreadable.
        InvalidInputError: It has been enhanced, or the share is out of range.
    """
    if not 0 <= share <= 1:
        raise InvalidInputError(f"The share of flawed targets must be 0 to 1, not {share}.")
    arrays = read_arrays(images)
    if "originals" in arrays:
        raise InvalidInputError(
            f"{images} has been enhanced; give the set from before, whose targets are as taken."
        )
    pixels = arrays["images"].copy()
    train = np.flatnonzero(arrays["split"] == 0) if "split" in arrays else np.arange(len(pixels))
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(train, size=round(share * len(train)), replace=False))
    flaw = np.zeros(len(pixels), np.uint8)
    kinds = list(FLAWS)
    for row in chosen.tolist():
        kind = int(random.integers(len(kinds)))
        flaw[row] = kind + 1
        generator = torch.Generator().manual_seed(int(random.integers(2**63)))
        face = from_uint8(torch.from_numpy(pixels[row][None]))
        flawed = FLAWS[kinds[kind]](random).apply(face, generator)
        pixels[row] = to_uint8(flawed)[0].numpy()
    columns: dict[str, Any] = {**arrays, "images": pixels, "flaw": flaw}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **columns)

    write_whole(out, write)
    return len(chosen)

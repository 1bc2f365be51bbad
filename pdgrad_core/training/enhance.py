"""IDM's extrinsic iteration: a restorer applied to the training targets themselves."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..diffusion.noise import seeded_noise
from ..errors import CorruptCheckpointError, ImageError, InvalidInputError
from ..files import write_whole
from ..images import from_uint8, to_uint8
from ..restorers import Restorer
from .dataset import DRAWN, StoredFaces, open_faces

SPLITS = ("train", "validation")
"""In the order of the codes 0 and 1 in an `.npz`."""

BATCH = 32

SAVED_EVERY_S = 60.0
"""So much work is lost at most when the command is interrupted."""


@dataclass(frozen=True)
class _Set:
    """Both splits of a training set in a row.

    Attributes:
        faces: All of them.
        split: `(N,)`, 0 for training, 1 for validation.
    """

    faces: StoredFaces
    split: NDArray[np.uint8]


def enhance(
    images: str,
    restorer: Restorer,
    key: bytes,
    out: Path,
    size: int,
    minutes: float | None = None,
    first: int | None = None,
) -> int:
    """Write a training set whose targets are f(x), with the originals x beside them.

    Image i is restored with the noise of seed i, so the same command gives the same set. An
    interrupted one continues from `<out>.partial.npz`, which is removed at the end.

    Source: IDM section 3.3, eq. 10.
    Deviations: a set that was enhanced before keeps its first originals, from which x_d is made.

    Args:
        images: A folder or an `.npz`; see `open_faces`.
        restorer: f.
        key: What identifies f's weights; another f does not continue the work of this one.
        out: The `.npz` to write.
        size: Side in pixels.
        minutes: Stop, to be continued, after so long.
        first: Only so many of the training pictures, from the first.

    Returns:
        How many images are done; the set is whole when that is all of them.

    Raises:
        ImageError: The source is missing, unreadable or empty.
        InvalidInputError: The source is drawn anew each time, so there is nothing to enhance; or
            no picture is wanted.
        CorruptCheckpointError: The partial file is of another set or another f, or damaged.
    """
    if first is not None and first < 1:
        raise InvalidInputError(f"At least one picture must be enhanced, not {first}.")
    found = _read(images, size, first)
    pixels = found.faces.images
    partial = _Partial(
        out.with_name(f"{out.stem}.partial.npz"),
        hashlib.sha256(key + pixels.numpy().tobytes()).digest(),
    )
    done = _continued(pixels, restorer, partial, minutes)
    if len(done) == len(pixels):
        _write(out, found, done)
        partial.path.unlink(missing_ok=True)
    return len(done)


@dataclass(frozen=True)
class _Partial:
    """What an interrupted command did.

    Attributes:
        path: Of the file.
        key: What it was made from.
    """

    path: Path
    key: bytes

    def read(self) -> Tensor:
        """Return what was done, `(M, S, S, 3)`; nothing where there was none."""
        if not self.path.is_file():
            return torch.empty(0, dtype=torch.uint8)  # torch.cat passes over it
        try:
            with np.load(self.path, allow_pickle=False) as file:
                same, done = file["key"].tobytes() == self.key, torch.from_numpy(file["images"])
        except Exception as error:  # damaged bytes surface as many types inside the zip reader
            raise CorruptCheckpointError(
                f"{self.path} cannot be read ({error}); remove it to start anew."
            ) from error
        if not same:
            raise CorruptCheckpointError(
                f"{self.path} was begun with other images or weights; remove it to start anew, or "
                "choose another --out."
            )
        return done

    def write(self, done: Tensor) -> None:
        """Keep what is done so far."""
        _save(self.path, {"images": done.numpy(), "key": np.frombuffer(self.key, np.uint8)})


def _continued(
    pixels: Tensor, restorer: Restorer, partial: _Partial, minutes: float | None
) -> Tensor:
    """Return what is done of the pictures `(M, S, S, 3)`: all, unless the time is over."""
    done = partial.read()
    begin = saved = time.monotonic()
    while len(done) < len(pixels):
        done = torch.cat([done, _restored(pixels, len(done), restorer)])
        now = time.monotonic()
        over = minutes is not None and now - begin > 60 * minutes
        if over or now - saved > SAVED_EVERY_S:
            partial.write(done)
            saved = now
        if over:
            break
    return done


def _restored(pixels: Tensor, first: int, restorer: Restorer) -> Tensor:
    degraded = from_uint8(pixels[first : first + BATCH])
    return to_uint8(restorer(degraded, noise=seeded_noise(degraded, first)))


def _read(images: str, size: int, first: int | None) -> _Set:
    if images == DRAWN:
        raise InvalidInputError(
            "Faces that are drawn anew for every step cannot be enhanced; draw them into a file "
            "first: python scripts/train.py render --out faces.npz"
        )
    parts, codes = [], []
    for code, split in enumerate(SPLITS):
        try:
            faces = open_faces(images, size, split)
        except ImageError:
            if split == "train" or not Path(images).exists():
                raise
            continue  # few pictures may have none for validation
        assert isinstance(faces, StoredFaces)
        if split == "train" and first is not None:
            faces = faces.rows(torch.arange(min(first, len(faces))))
        parts.append(faces)
        codes.append(np.full(len(faces), code, np.uint8))
    return _Set(_joined(parts), np.concatenate(codes))


def _joined(parts: list[StoredFaces]) -> StoredFaces:
    def column(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        return None if any(value is None for value in values) else torch.cat(values)

    return StoredFaces(
        column("images"), column("labels"), column("attributes"), column("originals")
    )


def _write(out: Path, found: _Set, enhanced: Tensor) -> None:
    faces = found.faces
    originals = faces.images if faces.originals is None else faces.originals
    arrays: dict[str, Any] = {
        "images": enhanced.numpy(),
        "originals": originals.numpy(),
        "label": faces.labels.numpy(),
        "split": found.split,
    }
    if faces.attributes is not None:
        arrays["attributes"] = faces.attributes.numpy()
    _save(out, arrays)


def _save(path: Path, arrays: dict[str, Any]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_whole(path, write)

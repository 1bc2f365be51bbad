"""Where training pictures come from: the renderer, a folder, or a labelled array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ImageError, InvalidInputError
from ..faces.people import DRAWN_PEOPLE, DRAWN_SEEDS, VIEWS_PER_PERSON
from ..files import write_whole
from ..images import from_uint8, load_image, resize, to_uint8
from .batches import Batch, FaceSource

DRAWN = "drawn"

VALIDATION_FRACTION = 0.1
"""Share of a folder's persons (or, unlabelled, of its pictures) that is held out."""

PICTURE_ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class StoredFaces:
    """Faces in memory.

    Attributes:
        images: `(N, S, S, 3)` uint8, sorted by person.
        labels: `(N,)` int64 from 0; -1 where unknown.
        attributes: `(N, A)` or None.
        originals: As `images`, from before they were enhanced, or None.
        landmarks: `(N, 5, 2)` or `(N, 68, 2)` float32 in pixels `(x, y)`, or None.
    """

    images: Tensor
    labels: Tensor
    attributes: Tensor | None = None
    originals: Tensor | None = None
    landmarks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def people(self) -> int:
        """Number of persons."""
        return int(self.labels.max()) + 1 if len(self) else 0

    @property
    def attribute_count(self) -> int:
        """A, 0 for none."""
        return 0 if self.attributes is None else self.attributes.shape[1]

    def draw(self, generator: torch.Generator, count: int) -> Batch:
        """See `FaceSource`."""
        return self._rows(torch.randint(len(self), (count,), generator=generator))

    def first(self, count: int) -> Batch:
        """See `FaceSource`."""
        return self._rows(torch.arange(min(count, len(self))))

    def labelled(self) -> "StoredFaces":
        """Return only the faces whose person is known."""
        kept = torch.nonzero(self.labels >= 0)[:, 0]
        return self.rows(kept)

    def _rows(self, index: Tensor) -> Batch:
        kept = self.rows(index)
        attributes = None if kept.attributes is None else kept.attributes.float()
        originals = None if kept.originals is None else from_uint8(kept.originals)
        return Batch(from_uint8(kept.images), kept.labels, attributes, originals, kept.landmarks)

    def rows(self, index: Tensor) -> "StoredFaces":
        """Return only some of the faces, by their numbers `(M,)`."""
        attributes = None if self.attributes is None else self.attributes[index]
        originals = None if self.originals is None else self.originals[index]
        landmarks = None if self.landmarks is None else self.landmarks[index]
        return StoredFaces(self.images[index], self.labels[index], attributes, originals, landmarks)


class DrawnFaces:
    """Faces that the renderer draws when they are asked for.

    Args:
        split: "train", "validation", "tuning" or "test"; see `DRAWN_SEEDS`.
        size: Side in pixels, 64 or 128.
        views: Pictures of each person that can be drawn.
    """

    def __init__(self, split: str, size: int, views: int = 8) -> None:
        from ..faces.attributes import attribute_names

        self.first_seed = DRAWN_SEEDS[split]
        self.people = DRAWN_PEOPLE[split]
        self.attribute_count = len(attribute_names())
        self.size = size
        self.views = views

    def draw(self, generator: torch.Generator, count: int) -> Batch:
        """See `FaceSource`."""
        return self.render(torch.randint(self.people * self.views, (count,), generator=generator))

    def first(self, count: int) -> Batch:
        """See `FaceSource`."""
        return self.render(torch.arange(min(count, self.people * self.views)))

    def render(self, index: Tensor) -> Batch:
        """Draw pictures by number: `views` of the first person, then of the next."""
        from ..faces.attributes import attributes
        from ..faces.identity import sample_identities
        from ..faces.render import render
        from ..faces.view import sample_views

        labels = index // self.views
        people = (labels + self.first_seed).tolist()
        views = (index % self.views).tolist()
        seeds = [p * VIEWS_PER_PERSON + v for p, v in zip(people, views, strict=True)]
        who, view = sample_identities(people), sample_views(seeds)
        drawn = render(who, view, size=self.size, parts=False)
        return Batch(drawn.images, labels, attributes(who, view))


def open_faces(images: str, size: int, split: str, labelled: bool = False) -> FaceSource:
    """Open one split of an image source.

    Args:
        images: "drawn"; a folder, one subfolder a person if there are any; or an `.npz` with
            "images" `(N, S, S, 3)` uint8 and, where known, "label" `(N,)` (a person, -1 unknown),
            "split" `(N,)` (0 training, 1 validation), "attributes" `(N, A)`, "landmarks"
            `(N, 5, 2)` or `(N, 68, 2)` in the pictures' pixels, and "originals" as "images" where
            those were enhanced.
        size: Side in pixels; pictures of another size are resized.
        split: "train" or "validation".
        labelled: Whether only faces whose person is known are wanted.

    Raises:
        ImageError: The source is missing, unreadable or empty.
        InvalidInputError: Its arrays have the wrong shape, or nobody is labelled.
    """
    if images == DRAWN:
        return DrawnFaces(split, size)
    path = Path(images)
    if path.is_dir():
        faces = _read_folder(path, size, split)
    elif path.suffix == ".npz" and path.is_file():
        faces = _read_npz(path, size, split)
    else:
        raise ImageError(
            f"Expected {DRAWN!r}, a folder of pictures or an .npz file, but there is no {images}."
        )
    faces = faces.labelled() if labelled else faces
    if len(faces) == 0:
        raise ImageError(
            f"{images} holds no {'labelled ' if labelled else ''}pictures for {split}."
        )
    return faces


def save_drawn(path: Path, size: int, people: dict[str, int], views: int) -> None:
    """Draw faces once and write them as a labelled `.npz`, which training reads fast.

    Args:
        path: The file.
        size: Side in pixels.
        people: How many persons of "train" and of "validation".
        views: Pictures of each person.
    """
    columns: dict[str, list[Any]] = {"images": [], "label": [], "split": [], "attributes": []}
    for code, split in enumerate(("train", "validation")):
        faces = DrawnFaces(split, size, views)
        for part in torch.arange(people[split] * views).split(256):
            batch = faces.render(part)
            assert batch.attributes is not None
            columns["images"].append(to_uint8(batch.images).numpy())
            columns["label"].append(batch.labels.numpy() + faces.first_seed)
            columns["split"].append(np.full(len(part), code, np.uint8))
            columns["attributes"].append(batch.attributes.half().numpy())
    arrays: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_whole(path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz"), write)


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a training set's `.npz`, checked; see `open_faces`.

    Raises:
        ImageError: The file is missing or unreadable.
        InvalidInputError: Its arrays have the wrong shape.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # damaged bytes surface as many types inside the zip reader
        raise ImageError(f"{path} cannot be read as an .npz file ({error}).") from error
    count = len(_check_pixels(path, "images", arrays.get("images")))
    for name in ("label", "split", "attributes", "originals", "landmarks"):
        if name in arrays and len(arrays[name]) != count:
            raise InvalidInputError(
                f'{path} has {count} images, but {len(arrays[name])} rows of "{name}".'
            )
    return arrays


def _read_npz(path: Path, size: int, split: str) -> StoredFaces:
    arrays = read_arrays(path)
    pixels = arrays["images"]
    count = len(pixels)
    labels = arrays.get("label", np.full(count, -1))
    held_out = arrays["split"] == 1 if "split" in arrays else _held_out(labels)
    rows = np.flatnonzero(held_out == (split == "validation"))
    images = _resized(torch.from_numpy(pixels[rows]), size)
    attributes = arrays.get("attributes")
    kept = None if attributes is None else torch.from_numpy(attributes[rows]).half()
    before = None
    if "originals" in arrays:
        _check_pixels(path, "originals", arrays["originals"])
        before = _resized(torch.from_numpy(arrays["originals"][rows]), size)
    points = None
    if "landmarks" in arrays:
        stored = torch.from_numpy(arrays["landmarks"][rows]).float()
        # Whole numbers are pixel centres, so that the edge lies at -0.5.
        points = (stored + 0.5) * (size / pixels.shape[1]) - 0.5
    people = torch.from_numpy(labels[rows]).long()
    return _sorted(StoredFaces(images, people, kept, before, points))


def _check_pixels(path: Path, name: str, pixels: Any) -> Any:
    if pixels is None or pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
        found = "nothing" if pixels is None else f"{pixels.dtype} {pixels.shape}"
        raise InvalidInputError(
            f'{path} must hold "{name}" as uint8 (N, S, S, 3); there is {found}.'
        )
    return pixels


def _read_folder(path: Path, size: int, split: str) -> StoredFaces:
    people = sorted(entry for entry in path.iterdir() if entry.is_dir())
    files = [
        (file, label if people else -1)
        for label, folder in enumerate(people or [path])
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in PICTURE_ENDINGS and not file.name.startswith(".")
    ]
    labels = np.array([label for _, label in files], dtype=np.int64)
    rows = np.flatnonzero(_held_out(labels) == (split == "validation"))
    if len(rows) == 0:
        return StoredFaces(torch.empty(0, size, size, 3, dtype=torch.uint8), torch.empty(0).long())
    images = torch.cat([to_uint8(_square(load_image(files[row][0]), size)) for row in rows])
    return _sorted(StoredFaces(images, torch.from_numpy(labels[rows])))


def _held_out(labels: Any) -> Any:
    """Return which rows are for validation: every tenth person, or every tenth unlabelled row."""
    every = round(1 / VALIDATION_FRACTION)
    _, person = np.unique(labels, return_inverse=True)
    known = labels >= 0
    return np.where(known, person % every == every - 1, np.arange(len(labels)) % every == every - 1)


def _sorted(faces: StoredFaces) -> StoredFaces:
    """Number the known persons from 0, and put each one's pictures together."""
    known = faces.labels >= 0
    labels = faces.labels.clone()
    labels[known] = torch.unique(labels[known], return_inverse=True)[1]
    return replace(faces, labels=labels).rows(torch.argsort(labels, stable=True))


def _square(image: Tensor, size: int) -> Tensor:
    """Cut the largest centred square and resize it."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(image[..., top : top + side, left : left + side], size, size, "bicubic")


def _resized(pixels: Tensor, size: int) -> Tensor:
    if pixels.shape[1:3] == (size, size):
        return pixels
    parts: Sequence[Tensor] = pixels.split(512)
    return torch.cat([to_uint8(resize(from_uint8(part), size, size)) for part in parts])

"""Photos one after the other, such as the frames of a video: their noise, and faces by portions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from .errors import InvalidInputError, NoFaceError
from .parameters import Param

if TYPE_CHECKING:
    from .alignment.align import AlignedFace
    from .diffusion.records import Record
    from .people.guides import Guide
    from .restoration import Restoration

T = TypeVar("T")

NOISES = ("per photo", "same for all")
"""Whose noise a photo's faces get: their photo's, which takes the next seed, or the first one's."""

BYTES_PER_PIXEL = 8000
"""About what activations and adjoints take per pixel of a face."""

MAX_FACES = 32
"""Larger batches bring no speed, but less frequent progress."""

_USABLE = 0.8
"""Of a device's memory: the rest is the allocator's and other programs'."""


def photo_seed(seed: int, number: int, noise: str = NOISES[0]) -> int:
    """Return the seed of every face of a photo.

    All faces of a photo share one seed. Whatever told them apart, size or place, would change hands
    when boxes move by a hair: a choice that is not constant has an edge somewhere.

    Args:
        seed: Of the first photo.
        number: Of the photo, from 0.
        noise: One of `NOISES`.

    Raises:
        InvalidInputError: There is no such choice.
    """
    Param(choices=NOISES).check("noise", noise)
    return seed + number if noise == NOISES[0] else seed


def faces_at_once(memory_bytes: int, size_px: int) -> int:
    """Return how many faces fit into a device's memory at a time, from 1 to `MAX_FACES`.

    The answer shall not depend on what is free at the moment: another number gives other last
    digits.

    Args:
        memory_bytes: Of the device, less the networks'.
        size_px: Side of a face.
    """
    fitting = int(_USABLE * memory_bytes) // (BYTES_PER_PIXEL * size_px**2)
    return max(1, min(MAX_FACES, fitting))


def found_anywhere(
    photos: Iterable[Tensor], find: Callable[[int, Tensor], list[T]]
) -> list[list[T]]:
    """Find the faces of every photo; among several, a photo without one has none.

    Args:
        photos: `(1, 3, H, W)` each, in [-1, 1].
        find: Finds the faces of a photo, given its number.

    Raises:
        NoFaceError: No photo has a face.
    """
    missing: list[NoFaceError] = []

    def faces(number: int, photo: Tensor) -> list[T]:
        try:
            return find(number, photo)
        except NoFaceError as error:
            missing.append(error)
            return []

    found = [faces(number, photo) for number, photo in enumerate(photos)]
    if missing and not any(found):
        if len(found) == 1:
            raise missing[0]
        raise NoFaceError(f"None of the {len(found)} photos has a face: {missing[0]}")
    return found


def what_was_found(counts: Sequence[int], done: str = "restored") -> str:
    """Return in words how many faces were restored, and how many photos passed through.

    Args:
        counts: Each photo's chosen faces.
        done: What was done to the faces.
    """
    empty = sum(not faces for faces in counts)
    said = f"{_many(len(counts), 'photo')}, {_many(sum(counts), 'face')} {done}"
    if empty:
        said += f"; {_many(empty, 'photo')} without a face passed through unchanged"
    return said


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class PhotoFaces:
    """The faces of one photo, ready to be restored.

    Attributes:
        number: Of the photo in its sequence.
        photo: `(1, 3, H, W)` in [-1, 1], for whoever puts the faces back.
        faces: At least one, of the same size as every other photo's.
        seed: Of their noise.
        masks: `(len(faces), 1, S, S)`, 1 where a pixel is missing; every photo has them, or none.
        guides: What guides each face; every photo has them, or none.
    """

    number: int
    photo: Tensor
    faces: Sequence[AlignedFace]
    seed: int = 0
    masks: Tensor | None = None
    guides: Sequence[Guide] | None = None


@dataclass(frozen=True)
class Portion:
    """Faces that are restored together, of one photo or several.

    Attributes:
        crops: `(N, 3, S, S)` in [-1, 1].
        seeds: One per face.
        masks: `(N, 1, S, S)`, or None.
        guides: One per face, or None.
    """

    crops: Tensor
    seeds: list[int]
    masks: Tensor | None
    guides: list[Guide] | None = None


def in_portions(
    photos: Iterable[PhotoFaces], limit: int, restore: Callable[[Portion], Tensor]
) -> Iterator[tuple[PhotoFaces, Tensor]]:
    """Restore the faces of a sequence, so many at a time; give each photo back when it is done.

    No more photos are held than have faces in one portion, and photos come back in their order.
    A photo with more faces than the limit is restored in several portions.

    Args:
        photos: In order, each with a face at least.
        limit: Faces in a portion, 1 or more.
        restore: Restores a portion: `(N, 3, S, S)`, in its order.

    Yields:
        A photo with its faces' restorations, `(len(faces), 3, S, S)`.
    """
    if limit < 1:
        raise InvalidInputError(f"At least one face is restored at a time, not {limit}.")
    waiting: list[PhotoFaces] = []
    done: list[Tensor] = []  # of the first faces of those that wait
    left = 0  # faces of those that wait, not done
    for photo in photos:
        waiting.append(photo)
        left += len(photo.faces)
        while left >= limit:
            done += restore(_portion(waiting, len(done), limit)).split(1)
            left -= limit
            yield from _finished(waiting, done)
    if left:
        done += restore(_portion(waiting, len(done), left)).split(1)
        yield from _finished(waiting, done)


def portions(counts: Iterable[int], limit: int) -> int:
    """Return how many portions `in_portions` makes of photos with so many faces."""
    return -(-sum(counts) // limit)


def _portion(waiting: Sequence[PhotoFaces], started: int, size: int) -> Portion:
    faces = [(photo, index) for photo in waiting for index in range(len(photo.faces))]
    taken = faces[started : started + size]
    masks = [photo.masks[index : index + 1] for photo, index in taken if photo.masks is not None]
    guides = [photo.guides[index] for photo, index in taken if photo.guides is not None]
    return Portion(
        torch.cat([photo.faces[index].crop for photo, index in taken]),
        [photo.seed for photo, _ in taken],
        torch.cat(masks) if masks else None,
        guides or None,
    )


def _finished(waiting: list[PhotoFaces], done: list[Tensor]) -> Iterator[tuple[PhotoFaces, Tensor]]:
    """Take the photos out whose faces are all done, with these faces."""
    while waiting and len(done) >= len(waiting[0].faces):
        photo = waiting.pop(0)
        results, done[:] = done[: len(photo.faces)], done[len(photo.faces) :]
        yield photo, torch.cat(results)


def share_of_faces(total: int, limit: int) -> list[slice]:
    """Return the portions of so many faces: as few as there can be, and about alike.

    Alike, because another number of faces in a portion is compiled and recorded anew.
    """
    count = -(-total // max(1, limit))
    size = -(-total // max(1, count))
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def join_traces(traces: Sequence[Sequence[Record]]) -> list[Record]:
    """Return one trace of several runs of the same steps: what is per face stands side by side."""
    rows: list[Record] = []
    for parts in zip(*traces, strict=True):
        row: Record = {}
        for name, value in parts[0].items():
            if isinstance(value, Tensor) and value.ndim:
                columns = [part[name] for part in parts]
                value = torch.cat([one.cpu() for one in columns if isinstance(one, Tensor)])
            row[name] = value
        rows.append(row)
    return rows


def joined(parts: Sequence[Restoration]) -> Restoration:
    """Return one restoration of several that were run one after the other, their faces in a row.

    Args:
        parts: At least one, of the same recipe.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    return replace(
        first,
        image=torch.cat([one.image for one in parts]),
        coarse=torch.cat([one.coarse for one in parts]),
        trace=join_traces([one.trace for one in parts]),
        seconds={name: sum(one.seconds[name] for one in parts) for name in first.seconds},
        fit_losses=[curve for one in parts for curve in one.fit_losses],
        notes=tuple(dict.fromkeys(note for one in parts for note in one.notes)),
    )

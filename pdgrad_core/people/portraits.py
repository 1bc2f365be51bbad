"""Reference photos become portraits: exactly one face in each, or a sentence that names it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..alignment.align import AlignedFace
from ..errors import ImageError, InvalidInputError, NoFaceError
from .person import Portrait
from .pose import pose_of, sharpness_of
from .recognizer import Recognizer

_OF_ONE = (ImageError, InvalidInputError, NoFaceError)
"""Errors that lie in one photo; a missing detector would meet every one."""


@dataclass(frozen=True, eq=False)
class ReferencePhoto:
    """One reference photo before its face was looked for.

    Attributes:
        source: What the user knows it by.
        read: Gives the photo, `(1, 3, H, W)` in [-1, 1].
        digest: Of the file; empty where there is none.
    """

    source: str
    read: Callable[[], Tensor]
    digest: str = ""


def portraits_of(
    photos: Sequence[ReferencePhoto],
    find: Callable[[int, Tensor], Sequence[AlignedFace]],
    recognizer: Recognizer,
) -> list[Portrait]:
    """Return the portraits of reference photos.

    Args:
        photos: The photos.
        find: Finds all faces of a photo, given its number; none is an empty list.
        recognizer: Embeds the faces.

    Raises:
        InvalidInputError: Photos without a face, or with several; all of them are named.
    """
    faces: list[AlignedFace] = []
    wrong: list[str] = []
    for number, photo in enumerate(photos):
        try:
            found = find(number, photo.read())
        except _OF_ONE as error:
            wrong.append(f"{photo.source} ({str(error).rstrip('.')})")
            continue
        if len(found) == 1:
            faces.append(found[0])
        else:
            wrong.append(f"{photo.source} ({f'{len(found)} faces' if found else 'no face'})")
    if wrong:
        raise InvalidInputError(
            "A reference photo shows one person alone, but "
            f"{'these do' if len(wrong) > 1 else 'this one does'} not: {', '.join(wrong)}; cut the "
            "person's face out with some room around it, or take the photo away."
        )
    if not faces:
        return []
    embeddings = recognizer.embed(torch.cat([face.crop for face in faces]))
    return [
        Portrait(photo.source, face.crop, embedding, pose_of(face), sharpness_of(face.crop),
                 photo.digest)
        for photo, face, embedding in zip(photos, faces, embeddings, strict=True)
    ]  # fmt: skip

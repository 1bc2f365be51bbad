"""A drawn group photo: several persons side by side, each turned a little, with known landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInputError
from .canvas import PARTS
from .identity import sample_identities
from .render import SIZES, render
from .view import sample_views

_MARGIN = 0.3
"""Backdrop around the row of portraits, of a portrait's side."""


@dataclass
class Group:
    """A group picture and where its faces are."""

    image: Tensor  # (1, 3, H, W) RGB in [-1, 1]
    landmarks: Tensor  # (N, 5, 2) px, from left to right: eyes, nose, mouth corners
    cover: Tensor  # (1, 1, H, W) 1 where a person is, 0 where the backdrop shows


def draw_group(
    persons: Sequence[int], views: Sequence[int], size: int = 128, spacing: float = 1.0
) -> Group:
    """Draw persons in a row before one backdrop, taller and shorter ones in turn.

    Args:
        persons: Seed of each person, from left to right.
        views: Seed of each one's pose and light; as many as persons.
        size: Side of each portrait, 64 or 128 px.
        spacing: From one person to the next, of a portrait's side; below about 0.7 heads overlap,
            and who stands further right is in front.

    Returns:
        A picture of about `size` times the number of persons in width, and the faces' landmarks;
        pixels count from the centre of the first, as detectors count them.

    Raises:
        InvalidInputError: Nobody, unequal numbers, or another size.
    """
    _check(persons, views, size)
    drawn = render(sample_identities(persons), sample_views(views), size)
    assert drawn.parts is not None
    inside = (drawn.parts != PARTS.index("background"))[:, None].float()
    margin = round(_MARGIN * size)
    apart = round(size * spacing)
    height = size + 2 * margin
    width = size + apart * (len(persons) - 1) + 2 * margin
    picture = _backdrop(height, width)
    covered = torch.zeros(1, height, width)
    points: list[Tensor] = []
    for index in range(len(persons)):
        # The clothes of a portrait end at its lower edge, so everybody stands on the picture's.
        top = height - size - (margin // 2 if index % 2 else 0)
        left = margin + index * apart
        place = (..., slice(top, top + size), slice(left, left + size))
        cover = inside[index]
        picture[place] = torch.lerp(picture[place], drawn.images[index], cover)
        covered[place] = torch.maximum(covered[place], cover)
        if top + size < height:
            below = (..., slice(top + size, height), slice(left, left + size))
            edge = drawn.images[index][:, -1:]
            picture[below] = torch.lerp(picture[below], edge, cover[:, -1:])
            covered[below] = torch.maximum(covered[below], cover[:, -1:].expand_as(covered[below]))
        points.append(drawn.landmarks[index] + torch.tensor([left - 0.5, top - 0.5]))
    return Group(picture[None], torch.stack(points), covered[None])


def _check(persons: Sequence[int], views: Sequence[int], size: int) -> None:
    if not persons or len(persons) != len(views):
        raise InvalidInputError(
            f"A group needs one view for each person, found {len(persons)} persons and "
            f"{len(views)} views."
        )
    if size not in SIZES:
        raise InvalidInputError(f"expected size 64 or 128, found {size}; choose one of these.")


def landmarks_text(landmarks: Tensor) -> str:
    """Return landmarks `(N, 5, 2)` as text, a line "x,y x,y x,y x,y x,y" for each face."""
    rows = landmarks.tolist()
    return "\n".join(" ".join(f"{x:.2f},{y:.2f}" for x, y in points) for points in rows)


def _backdrop(height: int, width: int) -> Tensor:
    """Return a soft grey-blue wall, `(3, H, W)` in [-1, 1]."""
    across = np.linspace(-1.0, 1.0, width)[None, :]
    down = np.linspace(-1.0, 1.0, height)[:, None]
    light = 0.25 - 0.35 * (0.6 * across**2 + 0.4 * (down + 0.4) ** 2)
    tint = np.array([-0.06, 0.0, 0.07])[:, None, None]
    return torch.from_numpy((light[None] + tint).astype(np.float32))

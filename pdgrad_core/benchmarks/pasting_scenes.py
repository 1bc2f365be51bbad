"""Drawn group photos for the benchmark of pasting, and stand-ins for restored faces."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..alignment import AlignedFace, Face, align_face, face_from_landmarks
from ..alignment.face import Points, invert, transform
from ..alignment.smoothing import smooth
from ..alignment.warp import warp
from ..faces.group import draw_group

GRAIN = 2.5 / 127.5
"""Noise of the photo: 2.5 of 255 levels."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A group photo, which is its own truth.

    Attributes:
        photo: `(1, 3, H, W)` in [-1, 1], with grain.
        clean: The same without grain.
        cover: `(1, 1, H, W)`, 1 where a person is.
        faces: Landmarks `(5, 2)` of each face, in pixels.
    """

    photo: Tensor
    clean: Tensor
    cover: Tensor
    faces: tuple[Points, ...]

    def found(self) -> list[Face]:
        """Return the faces as a detector would."""
        height, width = self.photo.shape[-2:]
        return [face_from_landmarks(points, height, width) for points in self.faces]


Change = Callable[[Scene], Tensor]
"""What a network made of the whole picture, from which the crops are then cut."""


def scenes(seed: int) -> dict[str, Scene]:
    """Return one scene of each kind, drawn with persons and views of their own.

    Args:
        seed: From 0; each gives other persons.
    """
    plain = _drawn(seed, 1.0)
    return {
        "a group": plain,
        "turned by 30 degrees": _turned(_drawn(seed + 1, 1.0), 30.0),
        "overlapping": _drawn(seed + 2, 0.52),
        "cut by the border": _cut(_drawn(seed + 3, 1.0)),
        "a hand before the mouth": _with_hand(_drawn(seed + 4, 1.0)),
    }


def _drawn(seed: int, spacing: float) -> Scene:
    persons = [3 * seed + index for index in range(3)]
    group = draw_group(persons, [3 * seed + 100 + index for index in range(3)], 128, spacing)
    points = tuple(group.landmarks.double().numpy())
    return _scene(group.image, group.cover, points, seed)


def _scene(clean: Tensor, cover: Tensor, points: tuple[Points, ...], seed: int) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(clean.shape, generator=generator) * GRAIN
    return Scene((clean + noise).clamp(-1, 1), clean, cover, points)


def _turned(scene: Scene, degrees: float) -> Scene:
    # The wall, the clothes and all go on beyond the edges, and every face stays in view.
    margin = scene.clean.shape[-1] // 2
    clean, cover = (
        F.pad(one, (margin,) * 4, mode="replicate") for one in (scene.clean, scene.cover)
    )
    height, width = clean.shape[-2:]
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    high, wide = height - margin, width - margin
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.array([width, height]) / 2 - turn @ np.array([wide, high]) / 2
    to_source = np.hstack([turn, shift[:, None]])
    clean = warp(clean, to_source, high, wide).clamp(-1, 1)
    cover = warp(cover, to_source, high, wide).clamp(0, 1)
    points = tuple(transform(invert(to_source), face + margin) for face in scene.faces)
    return _scene(clean, cover, points, 1)


def _cut(scene: Scene) -> Scene:
    """Cut the picture so that the first face's left eye lies outside it."""
    left = math.ceil(scene.faces[0][0, 0]) + 3
    points = tuple(face - np.array([left, 0.0]) for face in scene.faces)
    return _scene(scene.clean[..., left:], scene.cover[..., left:], points, 2)


def _with_hand(scene: Scene) -> Scene:
    """Lay four fingers before each mouth, in the skin's own colour."""
    clean, cover = scene.clean.clone(), scene.cover.clone()
    height, width = clean.shape[-2:]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    for face in scene.faces:
        unit = float(np.linalg.norm(face[3:].mean(axis=0) - face[:2].mean(axis=0)))
        nose, mouth = face[2].round().astype(int), face[3:].mean(axis=0)
        skin = clean[..., int(nose[1]) : int(nose[1]) + 1, int(nose[0]) : int(nose[0]) + 1]
        for finger in range(4):
            top = mouth + unit * np.array([0.24 * finger - 0.25, 0.12 * abs(finger - 1.4)])
            below = np.maximum(y - top[1], 0) * 0.0 + np.minimum(y - top[1], 0)
            apart = np.hypot(x - top[0] - 0.1 * (y - top[1]), below)
            inside = torch.from_numpy((0.115 * unit - apart).clip(0, 1).astype(np.float32))
            light = torch.from_numpy((0.12 - 0.03 * apart / unit / 0.115).astype(np.float32))
            clean = torch.lerp(clean, (skin + light).clamp(-1, 1), inside[None, None])
            cover = torch.maximum(cover, inside[None, None])
    return _scene(clean, cover, scene.faces, 3)


def _other_colors(scene: Scene) -> Tensor:
    """Return it warmer, lighter and with less contrast."""
    tint = torch.tensor([12.0, 4.0, -8.0]).view(1, 3, 1, 1) / 127.5
    return (0.92 * scene.clean + tint).clamp(-1, 1)


def _other_backdrop(scene: Scene) -> Tensor:
    """Return the persons before a wall that a network made up."""
    height, width = scene.clean.shape[-2:]
    generator = torch.Generator().manual_seed(5)
    clouds = smooth(torch.randn(1, 3, height, width, generator=generator), 20.0)
    wall = scene.clean + (8 * clouds / clouds.std() + 10) / 127.5
    edge = smooth(scene.cover, 1.0)
    return torch.lerp(wall, scene.clean, edge).clamp(-1, 1)


def _other_hair(scene: Scene) -> Tensor:
    """Return it a little larger, so that no edge lies where it was."""
    height, width = scene.clean.shape[-2:]
    zoom = np.array([[1 / 1.02, 0, width * 0.0098], [0, 1 / 1.02, height * 0.0098]])
    return warp(scene.clean, zoom, height, width).clamp(-1, 1)


CHANGES: dict[str, Change] = {
    "denoised": lambda scene: scene.clean,
    "other colours": _other_colors,
    "another backdrop": _other_backdrop,
    "another size": _other_hair,
}
"""What stands in for a restoration, by its name in words."""


def restored(scene: Scene, change: Change, size_px: int) -> tuple[list[AlignedFace], list[Tensor]]:
    """Return the faces cut out of the photo, and what a network made of each.

    Args:
        scene: The photo.
        change: What the network does to a picture.
        size_px: Side of the crops.
    """
    made = change(scene)
    found = scene.found()
    return (
        [align_face(scene.photo, face, size_px) for face in found],
        [align_face(made, face, size_px).crop for face in found],
    )

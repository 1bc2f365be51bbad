"""One restored crop in its place on the picture, before it is blended into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .align import AlignedFace
from .blend import wide_edge
from .face import Points, invert, transform
from .mask import feather
from .match_colors import match_colors
from .match_grain import missing_grain
from .outline import face_oval, head_outline
from .paste_settings import PasteSettings
from .seam import kept_at_edges
from .warp import edge_distance, warp

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, the last two excluded."""

_MATCHING_FRACTION = 0.02
"""Colours are compared in pictures smoothed by this much of a crop's side."""

_SHARPNESS = 8.0
"""How fast, between two faces, a pixel changes from the one to the other."""

_SKIN_DEPTH = 0.12
"""Skin is looked for this deep inside the oval of the face."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A restored crop, resampled to the picture that it is laid on.

    Attributes:
        box: Where it lies in the picture.
        image: `(1, 3, h, w)` in [-1, 1].
        weight: `(1, 1, h, w)` from 0 to 1, exactly 0 outside the outline.
        depth: `(1, 1, h, w)`, 1 at the middle of the face, 0 on its oval, below 0 outside.
        side_px: Side of the crop in the picture's pixels.
        grain: `(1, 3, h, w)`, what the image lacks of the photo's noise.
    """

    box: Box
    image: Tensor
    weight: Tensor
    depth: Tensor
    side_px: float
    grain: Tensor | None = None

    @property
    def claim(self) -> Tensor:
        """How strongly this face asks for each pixel, against faces beside it."""
        return self.weight * torch.exp(_SHARPNESS * self.depth.clamp(min=-3.0))

    def matched(self, photo: Tensor, settings: PasteSettings) -> "Layer":
        """Return the layer in the colours and with the grain of the photo.

        Args:
            photo: `(1, 3, H, W)`, the whole picture as it was.
            settings: What is to be matched.
        """
        left, top, right, bottom = self.box
        here = photo[..., top:bottom, left:right]
        image, grain = self.image, None
        if settings.match_colors:
            around = self.weight * wide_edge(self.weight, self.side_px)
            sigma = _MATCHING_FRACTION * self.side_px
            image = match_colors(image, here, around, sigma).clamp(-1, 1)
        if settings.match_grain:
            skin = (self.depth > _SKIN_DEPTH) & (self.weight > 0.9)
            grain = missing_grain(image, here, skin)
        return replace(self, image=image, grain=grain)


def make_layer(
    face: AlignedFace,
    result: Tensor,
    to_crop: Points,
    size: tuple[int, int],
    settings: PasteSettings,
    parser: Callable[[Tensor], Tensor] | None,
) -> Layer | None:
    """Resample a restored crop, once, to its place in a picture.

    Args:
        face: The face as it was cut out.
        result: `(1, 3, R, R)` in [-1, 1].
        to_crop: `(2, 3)` matrix from the picture's pixels to the result's.
        size: Height and width of the picture.
        settings: The outline and its softness.
        parser: `crop -> (1, 1, R, R)` from 0 to 1, which knows the outline better.

    Returns:
        The layer, or None where nothing of it lies in the picture.
    """
    size_px = result.shape[-1]
    box = _box(to_crop, size_px, size)
    height, width = box[3] - box[1], box[2] - box[0]
    if height <= 0 or width <= 0:
        return None
    here = to_crop.copy()
    here[:, 2] += to_crop[:, :2] @ np.array(box[:2])
    distance = edge_distance(here, height, width, size_px)
    weight = feather(distance, settings.feather_fraction * size_px)
    finer = size_px / face.size_px
    inside = _inside(face, result, settings, parser)
    if inside is not None:
        weight = weight * warp(inside, here, height, width).clamp(0, 1)
    points = (face.landmarks + 0.5) * finer - 0.5
    depth = face_oval(transform(invert(here), points), height, width)
    side_px = size_px / float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))
    image = warp(result, here, height, width).clamp(-1, 1)
    return Layer(box, image, weight, depth, side_px)


def _inside(
    face: AlignedFace,
    result: Tensor,
    settings: PasteSettings,
    parser: Callable[[Tensor], Tensor] | None,
) -> Tensor | None:
    """Return what of a result is pasted, `(1, 1, R, R)`, or None for all of it."""
    if parser is None and settings.outline != "face":
        return None
    crop = face.crop.detach().cpu().float()
    if parser is not None:
        outline = parser(result).cpu().float()
    else:
        outline = head_outline(crop, result, face.landmarks, settings.feather_fraction)
    return outline * kept_at_edges(crop, result, settings.feather_fraction)


def _box(to_crop: Points, size_px: int, size: tuple[int, int]) -> Box:
    """Return the part of a picture that a crop may touch."""
    first, last = -0.5, size_px - 0.5
    edges = np.array([[first, first], [last, first], [first, last], [last, last]])
    corners = transform(invert(to_crop), edges)
    limit = np.array([size[1], size[0]])
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, limit).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, limit).astype(int).tolist()
    return left, top, right, bottom


def groups(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Return the layers in groups whose boxes touch, directly or by way of others."""
    found: list[list[Layer]] = []
    for layer in layers:
        near = [group for group in found if any(_touch(layer.box, one.box) for one in group)]
        found = [group for group in found if all(group is not one for one in near)]
        found.append([layer, *(one for group in near for one in group)])
    return found


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@dataclass(frozen=True, eq=False)
class Joined:
    """Layers that share pixels, made one.

    Attributes:
        box: Where they lie in the picture.
        image: `(1, 3, h, w)`: each pixel of the face that it belongs to, mixed along borders.
        weight: `(1, 1, h, w)`: 1 where any of them, or several together, cover the photo.
        grain: `(1, 3, h, w)` or None.
        side_px: Side of the smallest crop in the picture's pixels.
    """

    box: Box
    image: Tensor
    weight: Tensor
    grain: Tensor | None
    side_px: float


def join(layers: Sequence[Layer]) -> Joined:
    """Share out the pixels of layers that overlap; the order does not matter but for rounding."""
    boxes = np.array([layer.box for layer in layers])
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = boxes[:, 2:].max(axis=0).tolist()
    height, width = bottom - top, right - left
    image, grain = (torch.zeros(1, 3, height, width) for _ in range(2))
    claims, bare = torch.zeros(1, 1, height, width), torch.ones(1, 1, height, width)
    for layer in layers:
        x0, y0, x1, y1 = layer.box
        part = (..., slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        claims[part] += layer.claim
        image[part] += layer.claim * layer.image
        bare[part] *= 1 - layer.weight
        if layer.grain is not None:
            grain[part] += layer.claim * layer.grain
    shared = claims.clamp(min=1e-30)
    has_grain = any(layer.grain is not None for layer in layers)
    return Joined(
        (left, top, right, bottom),
        image / shared,
        1 - bare,
        grain / shared if has_grain else None,
        min(layer.side_px for layer in layers),
    )

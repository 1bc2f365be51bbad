"""Putting restored faces back into their photo."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image, resize
from ..parameters import Param
from .align import AlignedFace
from .face import Points, invert, transform
from .mask import feather
from .warp import edge_distance, warp

FEATHER_FRACTION = 0.1
"""Default width of the soft edge, of the crop's side."""

MAX_SCALE = 8.0


def paste_back(
    photo: Tensor,
    faces: Sequence[AlignedFace],
    results: Sequence[Tensor],
    *,
    scale: float = 1.0,
    background: Tensor | None = None,
    mask: Tensor | None = None,
    parser: Callable[[Tensor], Tensor] | None = None,
    feather_fraction: float = FEATHER_FRACTION,
) -> Tensor:
    """Lay restored crops over the photo, with soft edges.

    The weight of a crop falls to exactly 0 at its edges, so there is no seam, and everything
    outside the crops is left as it was. Where crops overlap, each pixel goes mostly to the crop
    that has it nearer to its middle, so that a neighbour's crop does not cover a face.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        faces: The faces as cut out of this photo.
        results: For each, the restored crop `(1, 3, R, R)` in [-1, 1]; R may differ from the
            crop's side.
        scale: Enlargement of the whole picture, from 1 to 8, where no background is given.
        background: The photo otherwise enlarged, `(1, 3, H', W')`; sets the output's size.
        mask: `(1, 1, H, W)` from 0 to 1 in the photo's frame; where it is 0 the photo stays.
        parser: `crop -> (1, 1, R, R)` from 0 to 1; limits the paste to face and hair.
        feather_fraction: Width of the soft edge, of the crop's side, from 0 (hard) to 0.5.

    Returns:
        `(1, 3, H', W')` in [-1, 1], dtype and device of the photo.

    Raises:
        InvalidInputError: Shapes or numbers that do not fit together.
    """
    check_image(photo, "The photo")
    Param(1.0, MAX_SCALE).check("scale", scale)
    Param(0.0, 0.5).check("feather_fraction", feather_fraction)
    _check_faces(photo, faces, results)
    canvas = _canvas(photo, background, scale)
    allowed = None if mask is None else _allowed(mask, photo, canvas)
    claims = torch.zeros(1, 1, *canvas.shape[-2:]) if len(faces) > 1 else None
    for face, result in zip(faces, results, strict=True):
        crop = result.detach().cpu().float().clamp(-1, 1)
        weight = None if parser is None else parser(crop).cpu().float()
        if face.whole:
            _lay_whole(canvas, crop, weight, allowed)
        else:
            to_crop = _to_crop(face, photo, canvas, crop.shape[-1])
            _lay(canvas, crop, to_crop, feather_fraction, weight, allowed, claims)
    return canvas.to(photo)


def _lay(
    canvas: Tensor,
    crop: Tensor,
    to_crop: Points,
    feather_fraction: float,
    weight: Tensor | None,
    allowed: Tensor | None,
    claims: Tensor | None,
) -> None:
    """Blend one crop into its place on the canvas, which is changed, as are the claims."""
    size_px = crop.shape[-1]
    first, last = -0.5, size_px - 0.5
    edges = np.array([[first, first], [last, first], [first, last], [last, last]])
    corners = transform(invert(to_crop), edges)
    limit = np.array([canvas.shape[-1], canvas.shape[-2]])
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, limit).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, limit).astype(int).tolist()
    height, width = bottom - top, right - left
    if height <= 0 or width <= 0:
        return
    here = to_crop.copy()
    here[:, 2] += to_crop[:, :2] @ np.array([left, top])
    part = (..., slice(top, bottom), slice(left, right))
    distance = edge_distance(here, height, width, size_px)
    alpha = feather(distance, feather_fraction * size_px)
    claim = (distance / size_px).clamp(min=0) ** 4
    if weight is not None:
        inside = warp(weight, here, height, width).clamp(0, 1)
        alpha, claim = alpha * inside, claim * inside
    if claims is not None:
        # The running mean of all crops so far, weighted by how deep inside each a pixel lies.
        claims[part] += claim
        alpha = alpha * claim / claims[part].clamp(min=1e-12)
    if allowed is not None:
        alpha = alpha * allowed[part]
    pasted = warp(crop, here, height, width).clamp(-1, 1)
    canvas[part] = torch.lerp(canvas[part], pasted, alpha)


def _lay_whole(canvas: Tensor, crop: Tensor, weight: Tensor | None, allowed: Tensor | None) -> None:
    height, width = canvas.shape[-2:]
    alpha = torch.ones(1, 1, 1, 1) if weight is None else resize(weight, height, width)
    if allowed is not None:
        alpha = alpha * allowed
    pasted = resize(crop, height, width, "bicubic").clamp(-1, 1)
    canvas.copy_(torch.lerp(canvas, pasted, alpha.expand_as(canvas)))


def _canvas(photo: Tensor, background: Tensor | None, scale: float) -> Tensor:
    """Return the picture to paste on: a new float32 tensor on the CPU."""
    if background is None:
        height, width = (round(side * scale) for side in photo.shape[-2:])
        enlarged = resize(photo.detach().cpu().float(), height, width, "bicubic")
        return enlarged.clamp(-1, 1) if scale != 1 else enlarged.clone()
    check_image(background, "The background")
    if background.shape[0] != 1:
        raise InvalidInputError(f"Expected one background, found {background.shape[0]}.")
    across, down = (background.shape[i] / photo.shape[i] for i in (-1, -2))
    # An enlargement may round its sides; anything more is another picture.
    tolerance = 2.0 / min(photo.shape[-2:])
    if abs(across - down) > tolerance:
        raise InvalidInputError(
            f"The background ({background.shape[-1]}x{background.shape[-2]} pixels) does not have "
            f"the shape of the photo ({photo.shape[-1]}x{photo.shape[-2]})."
        )
    return background.detach().to("cpu", torch.float32, copy=True)


def _to_crop(face: AlignedFace, photo: Tensor, canvas: Tensor, size_px: int) -> Points:
    """Return the matrix from the canvas's pixels to those of the result."""
    ratio = np.array([photo.shape[-1] / canvas.shape[-1], photo.shape[-2] / canvas.shape[-2]])
    finer = size_px / face.size_px
    linear = face.matrix[:, :2] * ratio
    shift = face.matrix[:, :2] @ (0.5 * ratio - 0.5) + face.matrix[:, 2]
    return np.hstack([linear * finer, ((shift + 0.5) * finer - 0.5)[:, None]])


def _allowed(mask: Tensor, photo: Tensor, canvas: Tensor) -> Tensor:
    expected = (1, 1, *photo.shape[-2:])
    if tuple(mask.shape) != expected or not mask.is_floating_point():
        raise InvalidInputError(
            f"The mask must be a float tensor {expected} from 0 to 1, "
            f"not {mask.dtype} {tuple(mask.shape)}."
        )
    height, width = canvas.shape[-2:]
    return resize(mask.detach().cpu().float().clamp(0, 1), height, width).clamp(0, 1)


def _check_faces(photo: Tensor, faces: Sequence[AlignedFace], results: Sequence[Tensor]) -> None:
    if photo.shape[0] != 1:
        raise InvalidInputError(f"Expected one photo, found a batch of {photo.shape[0]}.")
    if len(faces) != len(results):
        raise InvalidInputError(f"Expected {len(faces)} results, one per face, got {len(results)}.")
    for result in results:
        check_image(result, "A restored crop")
        if result.shape[0] != 1 or result.shape[-1] != result.shape[-2]:
            raise InvalidInputError(
                f"A restored crop must be one square image (1, 3, R, R), not {tuple(result.shape)}."
            )

"""Putting restored faces back into their photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image, resize
from ..parameters import Param
from .align import AlignedFace
from .blend import blend
from .face import Points
from .layers import Joined, Layer, groups, join, make_layer
from .paste_settings import PasteSettings

MAX_SCALE = 8.0


@dataclass(frozen=True, eq=False)
class Pasted:
    """A photo with its restored faces.

    Attributes:
        image: `(1, 3, H', W')` in [-1, 1].
        weight: `(1, 1, H', W')` from 0 to 1: where it is 0 the photo is as it was, to the bit.
    """

    image: Tensor
    weight: Tensor


def paste_faces(
    photo: Tensor,
    faces: Sequence[AlignedFace],
    results: Sequence[Tensor],
    settings: PasteSettings | None = None,
    *,
    scale: float = 1.0,
    background: Tensor | None = None,
    mask: Tensor | None = None,
    parser: Callable[[Tensor], Tensor] | None = None,
) -> Pasted:
    """Lay restored crops back into their photo, so that nobody sees where.

    Each result is resampled once to the photo's pixels. Its outline is the face with its hair, or
    the crop, and falls to exactly 0 at the crop's edges. Its colours and grain are matched to the
    photo, and it is blended in bands. Faces that overlap share the border between them, and
    their order does not matter.

    Args:
        photo: `(1, 3, H, W)` in [-1, 1].
        faces: The faces as cut out of this photo.
        results: For each, the restored crop `(1, 3, R, R)` in [-1, 1]; R may differ from the
            crop's side.
        settings: Outline, edge and what is matched; None for the defaults.
        scale: Enlargement of the whole picture, from 1 to 8, where no background is given.
        background: The photo otherwise enlarged, `(1, 3, H', W')`; sets the output's size.
        mask: `(1, 1, H, W)` from 0 to 1 in the photo's frame; where it is 0 the photo stays.
        parser: `crop -> (1, 1, R, R)` from 0 to 1, the outline of face and hair.

    Returns:
        The picture, dtype and device of the photo, and the weight of what was pasted.

    Raises:
        InvalidInputError: Shapes or numbers that do not fit together.
    """
    check_image(photo, "The photo")
    Param(1.0, MAX_SCALE).check("scale", scale)
    settings = settings or PasteSettings()
    _check_faces(photo, faces, results)
    ground = _ground(photo, background, scale)
    canvas = ground.detach().cpu().float()
    allowed = None if mask is None else _allowed(mask, photo, canvas)
    pairs = _in_order(faces, results)
    whole = [(crop, parser and parser(crop)) for face, crop in pairs if face.whole]
    layers = _layers(pairs, photo, canvas, settings, parser)
    image, weights = _laid(canvas, layers, whole, allowed, settings)
    # The picture's own numbers, whatever their dtype, where nothing was pasted.
    pasted = torch.where(weights.to(ground.device) > 0, image.to(ground), ground)
    return Pasted(pasted.to(photo), weights)


def paste_back(
    photo: Tensor,
    faces: Sequence[AlignedFace],
    results: Sequence[Tensor],
    settings: PasteSettings | None = None,
    *,
    scale: float = 1.0,
    background: Tensor | None = None,
    mask: Tensor | None = None,
    parser: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the picture alone; see `paste_faces` for the arguments and errors."""
    return paste_faces(
        photo,
        faces,
        results,
        settings,
        scale=scale,
        background=background,
        mask=mask,
        parser=parser,
    ).image


def _laid(
    canvas: Tensor,
    layers: Sequence[Layer],
    whole: Sequence[tuple[Tensor, Tensor | None]],
    allowed: Tensor | None,
    settings: PasteSettings,
) -> tuple[Tensor, Tensor]:
    """Return a copy of the canvas with everything laid on it, and the weights."""
    image, weights = canvas.clone(), torch.zeros(1, 1, *canvas.shape[-2:])
    for crop, outline in whole:
        _lay_whole(image, weights, crop, outline, allowed)
    for group in groups(layers):
        _lay(image, weights, join(group), allowed, settings)
    return image, weights


def _layers(
    pairs: Sequence[tuple[AlignedFace, Tensor]],
    photo: Tensor,
    canvas: Tensor,
    settings: PasteSettings,
    parser: Callable[[Tensor], Tensor] | None,
) -> list[Layer]:
    """Return the crops that reach into the picture, in their places and matched to it."""
    size = (canvas.shape[-2], canvas.shape[-1])
    found: list[Layer] = []
    for face, crop in pairs:
        if face.whole:
            continue
        to_crop = _to_crop(face, photo, canvas, crop.shape[-1])
        layer = make_layer(face, crop, to_crop, size, settings, parser)
        found += [] if layer is None else [layer.matched(canvas, settings)]
    return found


def _in_order(
    faces: Sequence[AlignedFace], results: Sequence[Tensor]
) -> list[tuple[AlignedFace, Tensor]]:
    """Return faces with their results by place, so that rounding does not depend on their order."""
    crops = [result.detach().cpu().float().clamp(-1, 1) for result in results]
    pairs = zip(faces, crops, strict=True)
    return sorted(pairs, key=lambda one: (*one[0].matrix.ravel().tolist(), float(one[1].sum())))


def _lay(
    image: Tensor, weights: Tensor, faces: Joined, allowed: Tensor | None, settings: PasteSettings
) -> None:
    """Blend faces into the image, which is changed, as are the weights."""
    left, top, right, bottom = faces.box
    part = (..., slice(top, bottom), slice(left, right))
    weight = faces.weight if allowed is None else faces.weight * allowed[part]
    photo = image[part]
    if settings.multiband and settings.feather_fraction > 0:
        blended = blend(photo, faces.image, weight, faces.side_px)
    else:
        blended = torch.lerp(photo, faces.image, weight)
    if faces.grain is not None:
        # Mixing two grains makes them finer; this gives back what the photo's lost.
        blended = blended + faces.grain * (weight * (2 - weight)).sqrt()
    image[part] = torch.where(weight > 0, blended.clamp(-1, 1), photo)
    weights[part] = torch.maximum(weights[part], weight)


def _lay_whole(
    image: Tensor,
    weights: Tensor,
    crop: Tensor,
    outline: Tensor | None,
    allowed: Tensor | None,
) -> None:
    height, width = image.shape[-2:]
    weight = torch.ones_like(weights)
    if outline is not None:
        weight = resize(outline.cpu().float(), height, width).clamp(0, 1)
    if allowed is not None:
        weight = weight * allowed
    pasted = resize(crop, height, width, "bicubic").clamp(-1, 1)
    image.copy_(torch.lerp(image, pasted, weight))
    weights.copy_(torch.maximum(weights, weight))


def _ground(photo: Tensor, background: Tensor | None, scale: float) -> Tensor:
    """Return the picture to paste on."""
    if background is None:
        if scale == 1:
            return photo.detach()
        height, width = (round(side * scale) for side in photo.shape[-2:])
        return resize(photo.detach().cpu().float(), height, width, "bicubic").clamp(-1, 1)
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
    return background.detach()


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

"""Masks of missing pixels: 1 (white) is missing, 0 is known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import InvalidInputError


@dataclass(frozen=True)
class Faces:
    """The faces of a run, as far as targets and masks have to fit them.

    Attributes:
        count: Their number.
        height: In pixels.
        width: In pixels.
        device: Where they are sampled.
    """

    count: int
    height: int
    width: int
    device: torch.device

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def fitted_mask(self, mask: Tensor) -> Tensor:
        """Return a user's mask for these faces, `(1 or count, 1, H, W)` on their device.

        Raises:
            InvalidInputError: See `check_mask`; also for another number of masks.
        """
        found = check_mask(mask, self.height, self.width).to(self.device)
        if found.shape[0] not in (1, self.count):
            raise InvalidInputError(
                f"Give one mask, or as many as the {self.count} faces, not {found.shape[0]}."
            )
        return found


def check_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """Return a user's mask as it may be used, or say what is wrong with it.

    Args:
        mask: `(B, 1, H, W)`, `(B, H, W)` or `(H, W)`, 1 where a pixel is missing.
        height: Height of the image that it belongs to, in pixels.
        width: Width of that image, in pixels.

    Returns:
        `(B, 1, H, W)` float32.

    Raises:
        InvalidInputError: The mask has another size, holds other values than 0 and 1, or covers
            every pixel of an image.
    """
    if mask.ndim == 2:
        mask = mask[None]
    if mask.ndim == 3:
        mask = mask[:, None]
    known = known_pixels(mask)
    if mask.shape[-2:] != (height, width):
        raise InvalidInputError(
            f"The mask is {mask.shape[-1]}x{mask.shape[-2]} pixels, but its image is "
            f"{width}x{height}; draw the mask on the image itself."
        )
    fractions = int(((mask != 0) & (mask != 1)).sum())
    if fractions:
        raise InvalidInputError(
            f"A mask must hold 0 (known) and 1 (missing) only, but {fractions} of its pixels hold "
            "other values; threshold it, and save it without JPEG compression."
        )
    covered = (~known).flatten(1).all(1)
    if bool(covered.any()):
        raise InvalidInputError(
            "The mask covers the whole image, so nothing of it is known; leave some pixels black, "
            "or invert the mask if its white pixels are the known ones."
        )
    return mask.float()


def known_pixels(mask: Tensor) -> Tensor:
    """Return where a mask `(B, 1, H, W)` says "known", as booleans.

    Fractions count as missing, as in PGDiff's official code: what a resize smeared is not known.

    Raises:
        InvalidInputError: The mask has another shape.
    """
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise InvalidInputError(
            f"A mask must be (B, 1, H, W), 1 where a pixel is missing, not {tuple(mask.shape)}."
        )
    return mask == 0


def check_same_size(known: Tensor | None, image: Tensor) -> None:
    """Raise InvalidInputError unless the mask's pixels are the image's."""
    if known is not None and known.shape[-2:] != image.shape[-2:]:
        raise InvalidInputError(
            f"The mask is {known.shape[-1]}x{known.shape[-2]} pixels, but the image it is used on "
            f"is {image.shape[-1]}x{image.shape[-2]}."
        )


def keep_known(values: Tensor, known: Tensor | None) -> Tensor:
    """Return `values` `(B, C, H, W)` with zeros where nothing is known."""
    return values if known is None else torch.where(known, values, 0.0)


def with_known_pixels(result: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """Return a result whose known pixels are the original's, to the bit.

    Args:
        result: `(B, C, H, W)`.
        original: The same shape.
        mask: `(B or 1, 1, H, W)`, 1 where the original is missing.

    Raises:
        InvalidInputError: The mask has another shape or size.
    """
    known = known_pixels(mask).to(result.device)
    check_same_size(known, result)
    return torch.where(known, original.to(result), result)

"""Pictures from the wire that no node of ours can work with: each refused in one sentence."""

import logging
from collections.abc import Sequence

from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError

logger = logging.getLogger(__name__)

MIN_SIDE_PX = 8
"""A smaller picture shows no face; networks fail on it with words about kernels and padding."""

OVERSHOOT = 0.25
"""How far values may lie outside 0..1: bicubic and Lanczos resizing overshoot by less."""

LARGEST_FACTOR, SMALLEST_FACTOR = 2, 1 / 4
"""What a network trained at one size still makes a face of, as factors of that size."""


def check_picture(image: Tensor, what: str) -> None:
    """Raise InvalidInputError unless an IMAGE can be worked with; say when its alpha is left out.

    Args:
        image: `(B, H, W, C)` as it comes from the wire, in [0, 1].
        what: The image in words, for the error.
    """
    if image.ndim != 4 or image.shape[-1] < 3:
        raise InvalidInputError(
            f"{what} must be an IMAGE (batch, height, width, 3), not {tuple(image.shape)}."
        )
    if image.shape[0] == 0:
        raise InvalidInputError(
            f"{what} is an empty batch; look at the node before, which passed on no picture."
        )
    height, width = image.shape[1:3]
    if min(height, width) < MIN_SIDE_PX:
        raise InvalidInputError(
            f"{what} is {width}x{height} pixels, in which there can be no face; give one of at "
            f"least {MIN_SIDE_PX}x{MIN_SIDE_PX}."
        )
    if image.shape[-1] > 3:
        logger.warning("%s has an alpha channel, which is left out.", what)
    low, high = float(image.min()), float(image.max())
    # NaN is in no range; it has a sentence of its own.
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise InvalidInputError(
            f"{what} holds values from {low:.4g} to {high:.4g}, but an IMAGE's go from 0 to 1; "
            f"{_cure(low, high)}."
        )


def _cure(low: float, high: float) -> str:
    if low >= 0 and high <= 256:
        return "divide it by 255"
    if low >= -1 - OVERSHOOT and high <= 1 + OVERSHOOT:
        return "halve it and add 0.5, where it goes from -1 to 1"
    return "normalise or clamp it in the node that makes it"


def check_trained_size(size: Sequence[int], size_px: int, what: str, cure: str) -> None:
    """Raise InvalidInputError where faces are far from the size that a network was trained at.

    Args:
        size: Height and width of the faces, pixels.
        size_px: Side of the faces that the network knows.
        what: The faces in words.
        cure: What to do, as the end of the sentence.
    """
    height, width = size
    if max(size) > LARGEST_FACTOR * size_px or min(size) < SMALLEST_FACTOR * size_px:
        raise InvalidInputError(
            f"{what} is {width}x{height} pixels, but the models know faces of "
            f"{size_px}x{size_px}; {cure}."
        )

"""What decides a GAN prior's layers: its widths, and which parts stand around the generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError

SMALLEST_PX, LARGEST_PX = 16, 1024

_BASE_WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)
_MULTIPLIED_FROM = 4  # 64 pixels


@dataclass(frozen=True)
class GANPriorConfig:
    """The layers of a `GANPriorNetwork`.

    Attributes:
        widths: Channels at 4 pixels and after each doubling; they decide the image's side.
        style_width: Numbers in a latent code.
        mapping_layers: Layers of the mapping network.
        mmrb: Whether the encoder has an MMRB at each scale but the first and the last.
        decoder: Whether a decoder cleans the encoder's features; without one, and without MMRBs,
            the network is GPEN's.
    """

    widths: tuple[int, ...]
    style_width: int = 512
    mapping_layers: int = 8
    mmrb: bool = True
    decoder: bool = True

    def __post_init__(self) -> None:
        check_size(self.image_size)
        if min(*self.widths, self.style_width, self.mapping_layers) < 1:
            raise InvalidInputError(
                f"A GAN prior's widths and layers are 1 or more, not {self.widths}, "
                f"{self.style_width} and {self.mapping_layers}."
            )
        odd = [width for width in self.widths[1:-1] if width % 2]
        if self.mmrb and odd:
            raise InvalidInputError(
                f"An MMRB splits its channels in halves, so widths between the first and the last "
                f"scale must be even, not {odd[0]}; change the width, or leave the MMRBs out."
            )

    @property
    def image_size(self) -> int:
        """The side of the images, in pixels."""
        return 2 ** (len(self.widths) + 1)


def check_size(size_px: int) -> None:
    """Refuse a side that no generator has.

    Raises:
        InvalidInputError: It is no power of two, or too small or too large.
    """
    if not SMALLEST_PX <= size_px <= LARGEST_PX or size_px & (size_px - 1):
        raise InvalidInputError(
            f"A GAN prior makes images whose side is a power of two from {SMALLEST_PX} to "
            f"{LARGEST_PX} pixels, not {size_px}; resize the faces."
        )


def stylegan_widths(size_px: int, multiplier: float = 2, narrow: float = 1) -> tuple[int, ...]:
    """Return StyleGAN2's table of widths, from 4 pixels up.

    Args:
        size_px: Side of the images.
        multiplier: Factor on the widths from 64 pixels up; 2 in the paper and in GPEN-BFR-512.
        narrow: Factor on all of them.

    Raises:
        InvalidInputError: The side is no power of two, or too small or too large.
    """
    check_size(size_px)
    scales = size_px.bit_length() - 2
    factors = [multiplier if i >= _MULTIPLIED_FROM else 1 for i in range(scales)]
    return tuple(
        int(width * factor * narrow)
        for width, factor in zip(_BASE_WIDTHS[:scales], factors, strict=True)
    )


def gan_prior_config(
    size_px: int = 512, widths: Sequence[int] | None = None, **options: Any
) -> GANPriorConfig:
    """Return the layers for faces of a size: the paper's, but for what is given.

    Args:
        size_px: Side of the images.
        widths: Channels at 4 pixels and after each doubling; None for StyleGAN2's table.
        **options: The other fields of `GANPriorConfig`.

    Raises:
        InvalidInputError: The side is no power of two, or the widths are not of that size.
    """
    table = stylegan_widths(size_px) if widths is None else tuple(widths)
    if len(table) != size_px.bit_length() - 2:
        raise InvalidInputError(
            f"Faces of {size_px} pixels take {max(size_px.bit_length() - 2, 0)} widths, one for 4 "
            f"pixels and one for each doubling, not {len(table)}."
        )
    check_size(size_px)
    return GANPriorConfig(table, **options)


GPEN_512 = GANPriorConfig(stylegan_widths(512), mmrb=False, decoder=False)
"""GPEN-BFR-512."""

GAN_PRIOR_512 = GANPriorConfig(stylegan_widths(512))
"""The paper's network."""

"""A low-pass towards an image, on latents: no decoder takes part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ...contractions.filters import LowPassFilter
from ...contractions.low_pass import LAST_TIMESTEP, LowPass
from ...diffusion.records import StepContext
from ...errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class LatentLowPass:
    """z <- z + w psi(zhat - z): the low frequencies of an encoded image, the high ones of z0hat.

    Source: DifBFSR eq. 5, as `LowPass` has it, with latents in the place of pixels.
    Deviations: a decoder is not linear, so that the colours and shapes are kept, not the pixels'
        own low frequencies. Sides are divided by l over the decoder's scale: what is finer than a
        latent cell has no place there.

    Attributes:
        target: zhat, the encoded image, `(1 or B, C, h, w)`.
        known: `(1 or B, 1, h, w)`, 0 where the image knows nothing; None where it knows all.
        factor: l at the last timestep, latent cells, 1 or more.
        noisy_factor: l at the noisiest.
        weight: w, from 0 to 1.
        kernel: See `LowPassFilter`.
        until: The filter rests at t < until.
    """

    target: Tensor = field(repr=False)
    known: Tensor | None
    factor: float
    noisy_factor: float
    weight: float
    kernel: str
    until: int

    def __call__(self, z0hat: Tensor, context: StepContext) -> Tensor:
        """Return the filtered estimate, its shape, dtype and device kept.

        Raises:
            InvalidInputError: The image was of another size or number than what is sampled.
        """
        if context.t < self.until or self.weight == 0:
            return z0hat
        self._check(z0hat)
        noisiness = min(context.t / LAST_TIMESTEP, 1.0)
        psi = LowPassFilter(
            self.kernel, self.factor * (self.noisy_factor / self.factor) ** noisiness
        )
        difference = self.target.to(z0hat.device).float() - z0hat.float()
        if self.known is None:
            return z0hat + self.weight * psi(difference).to(z0hat.dtype)
        known = self.known.to(z0hat.device)
        return z0hat + self.weight * (known * psi(known * difference)).to(z0hat.dtype)

    def _check(self, z0hat: Tensor) -> None:
        count, size = self.target.shape[0], self.target.shape[1:]
        if size != z0hat.shape[1:] or count not in (1, z0hat.shape[0]):
            raise InvalidInputError(
                f"The contraction's image gives {count} latents of {tuple(size)}, but "
                f"{z0hat.shape[0]} of {tuple(z0hat.shape[1:])} are sampled; give an image of the "
                "size that is sampled, one or as many."
            )


def in_latents(
    filters: Sequence[Any], encode: Callable[[Tensor], Tensor], scale: int
) -> list[LatentLowPass]:
    """Return contractions as they act on latents.

    Args:
        filters: Contractions; those that can are low-passes towards an image.
        encode: An image `(B, 3, H, W)` in [-1, 1] to the latents `(B, C, h, w)` that are sampled.
        scale: Pixels per latent cell.

    Raises:
        InvalidInputError: A contraction that needs the pixels.
    """
    found: list[LatentLowPass] = []
    for one in filters:
        if type(one) is not LowPass or not isinstance(one.target, Tensor):
            raise InvalidInputError(
                f"The contraction {type(one).__name__} needs the pixels at each step; on latents "
                "only Contraction (a low-pass towards an image) works."
            )
        target = encode(one.target)
        known = one.known
        if known is not None:
            # A cell is known where all of its pixels are.
            known = 1 - F.adaptive_max_pool2d(1 - known, (target.shape[-2], target.shape[-1]))
        factor, noisy = (max(1.0, value / scale) for value in (one.factor, one.noisy_factor))
        found.append(LatentLowPass(target, known, factor, noisy, one.weight, one.kernel, one.until))
    return found

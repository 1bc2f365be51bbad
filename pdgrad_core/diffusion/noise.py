"""Randomness, one generator per image, so that an image's result does not depend on its batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..errors import InvalidInputError

NoiseSource = Callable[[], Tensor]
"""Draws the next standard normal `(B, C, H, W)` of a run."""


def per_image_generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return one CPU generator per seed (any whole numbers; ComfyUI's 64-bit seeds included)."""
    return [torch.Generator().manual_seed(int(seed) % (1 << 63)) for seed in seeds]


def seeded_noise(images: Tensor, seed: int) -> "PerImageNoise":
    """Return a noise source for a batch, image i from `seed + i`.

    Args:
        images: `(B, C, H, W)`; the noise has their shape and device.
        seed: Of the first image.
    """
    generators = per_image_generators([seed + i for i in range(len(images))])
    return PerImageNoise(generators, images.shape[1:], images.device)


class PerImageNoise:
    """Draws each image's noise from its own generator.

    The numbers are drawn where the generator lives: CPU generators give the same noise on every
    device, which is the default; a CUDA generator saves the transfer.

    Args:
        generators: One per image of the batch.
        shape: `(C, H, W)` of one image.
        device: Where the noise is wanted.

    Raises:
        InvalidInputError: No generator.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        shape: Sequence[int],
        device: torch.device | str = "cpu",
    ) -> None:
        if not generators:
            raise InvalidInputError("Sampling needs a seed for every image, not none.")
        self.generators = list(generators)
        self.shape = tuple(shape)
        self.device = torch.device(device)

    @property
    def moves(self) -> bool:
        """Whether the noise is drawn by the CPU and wanted on a CUDA device."""
        drawn_by = {generator.device.type for generator in self.generators}
        return drawn_by == {"cpu"} and self.device.type == "cuda"

    def __call__(self) -> Tensor:
        """Return the next noise, `(B, C, H, W)` float32."""
        return self.moved(self.draw())

    def draw(self) -> Tensor:
        """Return the next noise where the generators live; what is to be moved, in pinned memory.

        A copy from pinned memory needs no waiting, and torch keeps the memory until it is done.
        """
        drawn = [
            torch.randn(self.shape, generator=generator, device=generator.device)
            for generator in self.generators
        ]
        stacked = torch.stack(drawn)
        return stacked.pin_memory() if self.moves else stacked

    def moved(self, drawn: Tensor) -> Tensor:
        """Return drawn noise on the device where it is wanted."""
        return drawn.to(self.device, non_blocking=self.moves)

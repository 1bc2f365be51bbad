"""Published degradation settings, one row per paper, and degrading a batch with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image
from ..registry import Registry
from .base import Degradation

PUBLISHED_SIZE_PX = 512
"""Side of the face images for which the papers give sigma and r."""

MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Preset:
    """The ranges of one paper; `draw` picks one `Degradation` from them.

    All values are uniform in their ranges, ends included.

    Attributes:
        name: Key in `PRESETS`.
        source: Paper and section.
        note: What the paper leaves open, and what was decided.
        kernels: Kernel kinds, equally likely: "isotropic", "anisotropic" (both Gaussian),
            "motion".
        kernel_px: Side of the blur window at 512 px.
        sigma_px: Range of the Gaussian's standard deviations.
        length_px: Range of the motion's length.
        scale: Range of r.
        noise_delta: Range of the noise's standard deviation, of 255.
        jpeg_quality: Range of q.
        cases: A fixed list to pick from instead of the ranges.
        scales_with_size: Whether sigma, window, length and r follow the size of the face.
    """

    name: str
    source: str
    note: str = ""
    kernels: tuple[str, ...] = ("isotropic",)
    kernel_px: int = 41
    sigma_px: tuple[float, float] = (0.0, 0.0)
    length_px: tuple[float, float] = (1.0, 1.0)
    scale: tuple[float, float] = (1.0, 1.0)
    noise_delta: tuple[float, float] = (0.0, 0.0)
    jpeg_quality: tuple[int, int] = (100, 100)
    cases: tuple[Degradation, ...] = ()
    scales_with_size: bool = True

    def draw(self, seed: int, size_px: int = PUBLISHED_SIZE_PX) -> Degradation:
        """Draw one degradation.

        Args:
            seed: From 0 to 2^64 - 1; the same seed gives the same values.
            size_px: Side of the face image. Sigma, the window, the motion's length and r are
                multiplied by size_px / 512, but r is not brought below 1.

        Raises:
            InvalidInputError: The seed or the size is out of range.
        """
        _check_seed(seed)
        if size_px < 1:
            raise InvalidInputError(f"size_px must be at least 1 pixel, not {size_px}.")
        random = np.random.default_rng(seed)
        if self.cases:
            drawn = self.cases[int(random.integers(len(self.cases)))]
        else:
            drawn = self._draw_values(random)
        return _scaled(drawn, size_px / PUBLISHED_SIZE_PX) if self.scales_with_size else drawn

    def _draw_values(self, random: np.random.Generator) -> Degradation:
        # Every number is drawn whatever the kernel, so that one kind does not shift the others.
        kind = self.kernels[int(random.integers(len(self.kernels)))]
        first, second = (float(random.uniform(*self.sigma_px)) for _ in range(2))
        angle = float(random.uniform(0.0, 180.0))
        length = float(random.uniform(*self.length_px))
        scale = float(random.uniform(*self.scale))
        noise_delta = float(random.uniform(*self.noise_delta))
        lowest, highest = self.jpeg_quality
        plain = Degradation(
            kernel_px=self.kernel_px,
            scale=scale,
            noise_delta=noise_delta,
            jpeg_quality=int(random.integers(lowest, highest + 1)),
        )
        if kind == "motion":
            return replace(plain, kernel="motion", angle_deg=angle, length_px=length)
        if kind == "anisotropic":
            return replace(plain, kernel="gaussian", angle_deg=angle, sigma_px=(first, second))
        return replace(plain, kernel="gaussian", sigma_px=(first, first))


def _difbfsr_cases() -> tuple[Degradation, ...]:
    """Eight cases from hard to easy: its eight widths, noise and quality in equal steps."""
    return tuple(
        Degradation(
            kernel="gaussian",
            kernel_px=21,
            sigma_px=(round(3.2 - 0.2 * i, 1), round(3.2 - 0.2 * i, 1)),
            scale=4.0,
            noise_delta=30.0 * (7 - i) / 7,
            jpeg_quality=round(50 + 50 * i / 7),
            resize_back=False,
            resize_mode="bicubic",
            antialias=True,
        )
        for i in range(8)
    )


_ROWS = (
    Preset(
        "pdgrad",
        source="PDGrad section 4.1.2 (CelebRef-HQ)",
        note="Window (41 px) and plain linear resizing are those of the code it cites.",
        sigma_px=(0.1, 15.0),
        scale=(24.0, 40.0),
        noise_delta=(0.0, 20.0),
        jpeg_quality=(30, 100),
    ),
    Preset(
        "idm",
        source="IDM section 4.1, eq. 11, with GFPGAN's kernels",
        note="Half of the Gaussian kernels are anisotropic, as in GFPGAN.",
        kernels=("isotropic", "anisotropic"),
        sigma_px=(0.2, 10.0),
        scale=(1.0, 8.0),
        noise_delta=(0.0, 15.0),
        jpeg_quality=(50, 100),
    ),
    Preset(
        "gan_prior",
        source="GAN prior section 4.1, eq. 17",
        note=(
            "The paper gives the window only: sigma is GFPGAN's 0.1-10, a motion is straight and "
            "3-41 px long, and half of the draws are motions."
        ),
        kernels=("isotropic", "anisotropic", "motion", "motion"),
        sigma_px=(0.1, 10.0),
        length_px=(3.0, 41.0),
        scale=(0.4, 8.0),
        noise_delta=(0.0, 25.0),
        jpeg_quality=(5, 50),
    ),
    Preset(
        "difbfsr",
        source="DifBFSR section 4.3, eq. 11",
        note=(
            "The paper has 8 cases 'from hard to easy' and 8 widths from 1.8 to 3.2: case 0 has "
            "the widest kernel, noise 30 and quality 50, case 7 width 1.8, no noise, quality 100. "
            "r = 4 is the method's own scale, so nothing follows the face's size."
        ),
        cases=_difbfsr_cases(),
        scales_with_size=False,
    ),
)

PRESETS: "Registry[Preset]" = Registry("degradation preset")
"""The published settings by name."""

for _row in _ROWS:
    PRESETS.add(_row.name, _row)


def preset(name: str) -> Preset:
    """Return a published setting by name.

    Raises:
        UnknownNameError: There is none of this name.
    """
    return PRESETS[name]


def degrade(
    image: Tensor,
    setting: Preset | Degradation | str,
    seeds: int | Sequence[int],
    size_px: int | None = None,
) -> tuple[Tensor, list[Degradation]]:
    """Degrade every image of a batch with its own seed.

    An image's result depends on its own pixels and seed alone: not on the batch, nor the device.

    Args:
        image: `(B, 3, H, W)` in [-1, 1].
        setting: A preset, its name, or one concrete degradation for all images.
        seeds: One seed per image, or one number s for s, s + 1, ...
        size_px: Side of the face for the presets' ranges; None takes the shorter side.

    Returns:
        `(B, 3, H', W')` in [-1, 1], and the values drawn for each image.

    Raises:
        InvalidInputError: The seeds do not match the batch, or the results differ in size.
        UnknownNameError: There is no preset of this name.
    """
    check_image(image, "The image to degrade")
    count = image.shape[0]
    seeds = [seeds + i for i in range(count)] if isinstance(seeds, int) else list(seeds)
    if len(seeds) != count:
        raise InvalidInputError(f"Expected one seed per image ({count}), found {len(seeds)}.")
    setting = preset(setting) if isinstance(setting, str) else setting
    results: list[Tensor] = []
    drawn: list[Degradation] = []
    for one, seed in zip(image.split(1), seeds, strict=True):
        _check_seed(seed)
        values = (
            setting
            if isinstance(setting, Degradation)
            else setting.draw(seed, size_px or min(image.shape[-2:]))
        )
        results.append(values.apply(one, torch.Generator().manual_seed(seed)))
        drawn.append(values)
    sizes = {tuple(result.shape[-2:]) for result in results}
    if len(sizes) > 1:
        raise InvalidInputError(
            f"The degraded images have different sizes ({sorted(sizes)}) and cannot form a batch; "
            "degrade them one by one, or resize back."
        )
    return torch.cat(results), drawn


def _scaled(values: Degradation, factor: float) -> Degradation:
    if factor == 1:
        return values
    scale = values.scale if values.scale < 1 else max(1.0, values.scale * factor)
    return replace(
        values,
        kernel_px=2 * max(1, round((values.kernel_px - 1) * factor / 2)) + 1,
        sigma_px=(values.sigma_px[0] * factor, values.sigma_px[1] * factor),
        length_px=max(1.0, values.length_px * factor),
        scale=scale,
    )


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise InvalidInputError(f"A seed must be a number from 0 to 2^64 - 1, not {seed}.")

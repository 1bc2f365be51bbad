"""One concrete degradation: all values drawn, ready to be applied and reported."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image
from ..parameters import Param
from .classical import (
    add_noise,
    blur,
    blur_separable,
    compress,
    gaussian_kernel_1d,
    gaussian_kernel_2d,
    motion_kernel,
    resize_to,
)

KERNELS = ("none", "gaussian", "motion")
RESIZE_MODES = ("bilinear", "bicubic")

MIN_SCALE, MAX_SCALE = 0.25, 512.0


@dataclass(frozen=True)
class Degradation:
    """Blur, shrink, add noise, compress, enlarge again: one member of a preset's range.

    Source: PDGrad section 4.1.2, IDM eq. 11, DifBFSR eq. 11, GAN prior eq. 17:
        y = { [ (x * k_sigma) down_r + n_delta ]_JPEG_q } up_r
    Deviations: none.

    Attributes:
        kernel: "none", "gaussian" or "motion".
        kernel_px: Side of the blur window in pixels, odd.
        sigma_px: Standard deviations of the Gaussian along its two axes, pixels; equal values
            make it isotropic.
        angle_deg: Direction of the Gaussian's first axis, or of the motion, degrees.
        length_px: Length of the motion path, pixels.
        scale: r; sides are divided by it (rounded down). Below 1 it enlarges.
        noise_delta: Standard deviation of the noise, of 255.
        jpeg_quality: q from 1 to 100, or None for no compression and no rounding to 8 bits.
        resize_back: Whether the result has the size of the input.
        resize_mode: "bilinear" or "bicubic", in both directions.
        antialias: Whether shrinking low-passes first. Papers that build on GFPGAN's code do not.
    """

    kernel: str = "none"
    kernel_px: int = 41
    sigma_px: tuple[float, float] = (0.0, 0.0)
    angle_deg: float = 0.0
    length_px: float = 1.0
    scale: float = 1.0
    noise_delta: float = 0.0
    jpeg_quality: int | None = None
    resize_back: bool = True
    resize_mode: str = "bilinear"
    antialias: bool = False

    def __post_init__(self) -> None:
        Param(choices=KERNELS).check("kernel", self.kernel)
        Param(choices=RESIZE_MODES).check("resize_mode", self.resize_mode)
        if self.kernel_px < 1 or self.kernel_px % 2 == 0:
            raise InvalidInputError(
                f"kernel_px must be an odd number of pixels, not {self.kernel_px}."
            )
        for name, value, low, high in (
            ("sigma_px", self.sigma_px[0], 0.0, math.inf),
            ("sigma_px", self.sigma_px[1], 0.0, math.inf),
            ("angle_deg", self.angle_deg, -360.0, 360.0),
            ("length_px", self.length_px, 1.0, math.inf),
            ("scale", self.scale, MIN_SCALE, MAX_SCALE),
            ("noise_delta", self.noise_delta, 0.0, 255.0),
        ):
            Param(low, high).check(name, value)
        if self.jpeg_quality is not None:
            Param(1, 100).check("jpeg_quality", self.jpeg_quality)

    def apply(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Degrade one image.

        All work is done on the CPU in float32, so that a seed gives the same picture everywhere.

        Args:
            image: `(1, 3, H, W)` in [-1, 1].
            generator: CPU generator of the noise.

        Returns:
            `(1, 3, H, W)` in [-1, 1], or `(1, 3, H // r, W // r)` without `resize_back`; dtype
            and device of the input.

        Raises:
            InvalidInputError: Not one finite float image.
        """
        check_image(image, "The image to degrade")
        if image.shape[0] != 1:
            raise InvalidInputError(f"Expected one image, found a batch of {image.shape[0]}.")
        height, width = image.shape[-2:]
        y = image.detach().to("cpu", torch.float32).clamp(-1, 1)
        y = self._blurred(y)
        low = (max(1, int(height / self.scale)), max(1, int(width / self.scale)))
        y = resize_to(y, *low, self.resize_mode, self.antialias)
        y = add_noise(y, self.noise_delta, generator)
        if self.jpeg_quality is not None:
            y = compress(y, self.jpeg_quality)
        if self.resize_back:
            # Below 1 the way back is the one that shrinks.
            y = resize_to(y, height, width, self.resize_mode, self.antialias)
        return y.clamp(-1, 1).to(image)

    def describe(self) -> dict[str, Any]:
        """Return every value as a JSON-ready dictionary."""
        values = dataclasses.asdict(self)
        values["sigma_px"] = list(self.sigma_px)
        return values

    def _blurred(self, image: Tensor) -> Tensor:
        if self.kernel == "motion":
            kernel = motion_kernel(self.length_px, self.angle_deg, self.kernel_px)
            return blur(image, kernel)
        if self.kernel == "gaussian" and max(self.sigma_px) > 0:
            if self.sigma_px[0] == self.sigma_px[1]:
                window = gaussian_kernel_1d(self.sigma_px[0], self.kernel_px)
                return blur_separable(image, window)
            kernel = gaussian_kernel_2d(self.sigma_px, self.angle_deg, self.kernel_px)
            return blur(image, kernel)
        return image

"""The operations of the classical degradation model: blur, resize, noise, JPEG.

Images are float32 `(1, 3, H, W)` in [-1, 1] on the CPU, where alone results repeat bit for bit.
"""

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import from_uint8, to_pil


def gaussian_kernel_1d(sigma_px: float, kernel_px: int) -> Tensor:
    """Return a Gaussian window `(kernel_px,)`, float32, of sum 1; all of it central at sigma 0."""
    offset = torch.arange(kernel_px, dtype=torch.float64) - kernel_px // 2
    if sigma_px == 0:
        return (offset == 0).float()
    window = torch.exp(-0.5 * (offset / sigma_px) ** 2)
    return (window / window.sum()).float()


def gaussian_kernel_2d(sigma_px: tuple[float, float], angle_deg: float, kernel_px: int) -> Tensor:
    """Return a rotated Gaussian `(kernel_px, kernel_px)`, float32, of sum 1.

    Args:
        sigma_px: Standard deviations along the two principal axes, pixels.
        angle_deg: Direction of the first axis, degrees from +x towards +y.
        kernel_px: Side of the square window, odd.
    """
    offset = torch.arange(kernel_px, dtype=torch.float64) - kernel_px // 2
    y, x = torch.meshgrid(offset, offset, indexing="ij")
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    along, across = cosine * x + sine * y, cosine * y - sine * x
    # An axis of zero width becomes one that reaches no neighbouring pixel.
    widths = (max(sigma_px[0], 1e-3), max(sigma_px[1], 1e-3))
    window = torch.exp(-0.5 * ((along / widths[0]) ** 2 + (across / widths[1]) ** 2))
    return (window / window.sum()).float()


def motion_kernel(length_px: float, angle_deg: float, kernel_px: int) -> Tensor:
    """Return the path of a point in uniform straight motion as a kernel of sum 1.

    The path is sampled densely and each sample is shared among its four nearest pixels.

    Args:
        length_px: Number of pixels from end to end of the path, from 1 (no motion) to
            `kernel_px`.
        angle_deg: Direction, degrees from +x towards +y.
        kernel_px: Side of the square window, odd.

    Returns:
        `(kernel_px, kernel_px)` float32.
    """
    reach = (min(length_px, kernel_px) - 1) / 2
    samples = 8 * kernel_px
    position = reach * ((2 * np.arange(samples) + 1) / samples - 1)
    # A position that rounding puts just outside the window belongs to its last pixel.
    x = np.clip(position * math.cos(math.radians(angle_deg)) + kernel_px // 2, 0, kernel_px - 1)
    y = np.clip(position * math.sin(math.radians(angle_deg)) + kernel_px // 2, 0, kernel_px - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    kernel = np.zeros((kernel_px + 1, kernel_px + 1))
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = np.abs(1 - dx - (x - left)) * np.abs(1 - dy - (y - top))
        np.add.at(kernel, (top + dy, left + dx), share)
    kernel = kernel[:kernel_px, :kernel_px]
    return torch.from_numpy(kernel / kernel.sum()).float()


def blur_separable(image: Tensor, window: Tensor) -> Tensor:
    """Convolve rows and columns with one symmetric window `(K,)`; edges are mirrored."""
    channels = image.shape[1]
    radius = window.numel() // 2
    padded = _mirrored(image, radius)
    row = window.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    padded = F.conv2d(padded, row, groups=channels)
    return F.conv2d(padded, row.transpose(-1, -2), groups=channels)


def blur(image: Tensor, kernel: Tensor) -> Tensor:
    """Convolve with any kernel `(K, K)`, K odd; edges are mirrored.

    The product is taken in the Fourier domain: a 41-pixel window at 512x512 would otherwise cost
    1.3 billion multiplications.
    """
    height, width = image.shape[-2:]
    radius = kernel.shape[-1] // 2
    padded = _mirrored(image, radius)
    size = (int(padded.shape[-2]), int(padded.shape[-1]))
    product = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)
    full = torch.fft.irfft2(product, s=size)
    return full[..., 2 * radius : 2 * radius + height, 2 * radius : 2 * radius + width]


def resize_to(image: Tensor, height: int, width: int, mode: str, antialias: bool) -> Tensor:
    """Resize; without antialiasing a shrunk image keeps aliases, as OpenCV's linear resize does.

    Args:
        image: `(1, 3, H, W)`.
        height: New height in pixels.
        width: New width in pixels.
        mode: "bilinear" or "bicubic".
        antialias: Whether a shrunk image is low-passed first.
    """
    return F.interpolate(
        image, size=(height, width), mode=mode, align_corners=False, antialias=antialias
    )


def add_noise(image: Tensor, delta: float, generator: torch.Generator) -> Tensor:
    """Add white Gaussian noise, independent per channel, and clip to [-1, 1].

    Args:
        image: `(1, 3, H, W)`.
        delta: Standard deviation in 8-bit steps (of 255).
        generator: A CPU generator.
    """
    noise = torch.randn(image.shape, generator=generator)
    return (image + delta / 127.5 * noise).clamp(-1, 1)


def compress(image: Tensor, quality: int) -> Tensor:
    """Round to 8 bits, encode as a real JPEG (4:2:0 colour) of this quality, and decode."""
    from PIL import Image

    file = io.BytesIO()
    to_pil(image).save(file, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as picture:
        return from_uint8(torch.from_numpy(np.array(picture))[None])


def _mirrored(image: Tensor, radius: int) -> Tensor:
    """Extend all sides by `radius` pixels, mirrored about the edge pixels, as often as needed."""
    rows = _mirror_index(image.shape[-2], radius)
    columns = _mirror_index(image.shape[-1], radius)
    return image[..., rows, :][..., columns]


def _mirror_index(length: int, radius: int) -> Tensor:
    period = max(2 * (length - 1), 1)
    position = torch.arange(-radius, length + radius).remainder(period)
    return torch.minimum(position, period - position)

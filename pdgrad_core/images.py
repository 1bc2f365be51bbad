"""Pictures and tensors: the only place that knows ranges, channel order and resizing.

Inside the core an image is a float tensor `(B, 3, H, W)`, RGB in [-1, 1].
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .errors import InvalidInputError, NonFiniteError
from .files import write_whole as write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from .pictures.decoding import Picture

GREY_LEVELS = 4.5
"""How far the channels of a grey photo may lie apart, of 255: JPEG rounds both chroma channels, by
one level each, which is up to 3.2 between red and blue, and the pixels once more."""

_BAND_ROWS = 256

_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue. Source: ITU-R BT.601, as Pillow's grey."""


def load_image(path: Path | str) -> Tensor:
    """Read a picture file as RGB.

    EXIF orientation is applied, a colour profile is converted to sRGB, transparency is laid over
    white, and grey becomes three equal channels. What is to be written back with its profile,
    alpha and metadata is read by `photo_files.read_photo`.

    Args:
        path: A file of one of the formats in `pictures.formats`.

    Returns:
        `(1, 3, H, W)` float32 in [-1, 1].

    Raises:
        ImageError: The file is missing, is no picture, holds several, or is smaller than 16x16.
    """
    from .pictures.decoding import decode

    return from_picture(decode(path))


def save_image(image: Tensor, path: Path | str) -> None:
    """Write one image; the file appears whole or not at all.

    Args:
        image: `(1, 3, H, W)` or `(3, H, W)` in [-1, 1]; values outside are clipped.
        path: Target; its ending chooses the format, its folder is made if needed.

    Raises:
        ImageError: The ending names no picture format.
    """
    from .pictures.formats import format_of
    from .pictures.kept import Kept
    from .pictures.writing import write_picture

    form = format_of(path)
    batch = one_image(image)
    pixels = to_uint8(batch)[0].numpy()
    write_whole(Path(path), lambda temporary: write_picture(temporary, form, pixels, Kept()))


def check_image_name(path: Path | str) -> None:
    """Raise ImageError unless the path's ending names a picture format that can be written."""
    from .pictures.formats import format_of

    format_of(path)


def to_pil(image: Tensor) -> "Image":
    """Return one image, `(1, 3, H, W)` or `(3, H, W)` in [-1, 1], as an 8-bit Pillow picture."""
    from PIL import Image

    return Image.fromarray(to_uint8(one_image(image))[0].numpy())


def one_image(image: Tensor) -> Tensor:
    """Return one image, `(1, C, H, W)` or `(C, H, W)`, as a batch of one.

    Raises:
        InvalidInputError: There are several.
    """
    batch = image if image.ndim == 4 else image[None]
    if batch.shape[0] != 1:
        raise InvalidInputError(f"Expected one image, found a batch of {batch.shape[0]}.")
    return batch


def from_picture(picture: "Picture") -> Tensor:
    """Turn a picture file's own values into what networks see, `(1, 3, H, W)` in [-1, 1].

    Its colours are converted to sRGB, and transparency is laid over white.
    """
    pixels, alpha, half = picture.pixels, picture.alpha, 32767.5 if picture.deep else 127.5
    height, width, channels = pixels.shape
    if picture.encoding is None:
        image = torch.from_numpy(pixels.astype(np.float32)) / half - 1
    else:
        # A band at a time: colours are computed in float64.
        colours = np.empty((height, width, 3), np.float32)
        for top in range(0, height, _BAND_ROWS):
            band = pixels[top : top + _BAND_ROWS]
            found = picture.encoding.decode(band.reshape(-1, channels))
            colours[top : top + _BAND_ROWS] = found.reshape(-1, width, 3)
        image = torch.from_numpy(colours) * 2 - 1
    image = rearrange(image, "h w c -> 1 c h w").expand(1, 3, height, width)
    if alpha is not None:
        opaque = torch.from_numpy(alpha.astype(np.float32)) / (2 * half)
        image = 1 - opaque * (1 - image)
    return image.contiguous()


def is_grey(image: Tensor) -> Tensor:
    """Return which of the images `(B, 3, H, W)` in [-1, 1] have no colour, `(B,)` booleans."""
    spread = image.amax(1) - image.amin(1)
    return spread.flatten(1).amax(1) <= GREY_LEVELS / 127.5


def without_colour(image: Tensor) -> Tensor:
    """Return images `(B, 3, H, W)` in [-1, 1] with three equal channels, their luma."""
    weights = torch.tensor(_LUMA, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    return (image * weights).sum(1, keepdim=True).expand_as(image).contiguous()


def from_uint8(pixels: Tensor) -> Tensor:
    """Turn `(B, H, W, 3)` uint8 into `(B, 3, H, W)` float32 in [-1, 1]."""
    return rearrange(pixels, "b h w c -> b c h w").float() / 127.5 - 1.0


def to_uint8(image: Tensor) -> Tensor:
    """Turn `(B, 3, H, W)` in [-1, 1] (clipped) into `(B, H, W, 3)` uint8 on the CPU.

    Raises:
        NonFiniteError: There are NaN or infinite values, which would come out black or white.
    """
    check_finite(image, "A picture")
    scaled = ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return rearrange(scaled, "b c h w -> b h w c").contiguous()


def from_unit(pixels: Tensor) -> Tensor:
    """Turn `(B, H, W, 3)` in [0, 1], ComfyUI's IMAGE, into `(B, 3, H, W)` in [-1, 1]."""
    return rearrange(pixels, "b h w c -> b c h w").float() * 2.0 - 1.0


def to_unit(image: Tensor) -> Tensor:
    """Turn `(B, 3, H, W)` in [-1, 1] (clipped) into `(B, H, W, 3)` in [0, 1].

    Raises:
        NonFiniteError: There are NaN or infinite values.
    """
    check_finite(image, "A picture")
    return rearrange((image.float().clamp(-1, 1) + 1.0) / 2.0, "b c h w -> b h w c").contiguous()


def check_image(image: Tensor, what: str) -> None:
    """Raise InvalidInputError unless `image` is a finite float `(B, 3, H, W)` tensor."""
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
        raise InvalidInputError(
            f"{what} must be a float tensor (B, 3, H, W), not {image.dtype} {tuple(image.shape)}."
        )
    if not torch.isfinite(image).all():
        raise InvalidInputError(f"{what} holds NaN or infinite values; check what made it.")


def check_finite(values: Tensor, what: str, advice: str = "check what made it") -> None:
    """Raise NonFiniteError, naming what it is, unless all values are finite."""
    if not bool(torch.isfinite(values).all()):
        raise non_finite(what, advice)


def non_finite(what: str, advice: str) -> NonFiniteError:
    """Return the error about values that are not finite, naming what holds them."""
    return NonFiniteError(f"{what} holds NaN or infinite values; {advice}.")


def resize(image: Tensor, height: int, width: int, mode: str = "bilinear") -> Tensor:
    """Resize with antialiasing (a shrunk image is low-passed first); a no-op at equal size.

    Args:
        image: `(B, C, H, W)`, any range.
        height: New height in pixels.
        width: New width in pixels.
        mode: "bilinear" or "bicubic".
    """
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(
        image, size=(height, width), mode=mode, align_corners=False, antialias=True
    )

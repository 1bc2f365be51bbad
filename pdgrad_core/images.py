"""Pictures and tensors: the only place that knows ranges, channel order, files and resizing.

Inside the core an image is a float tensor `(B, 3, H, W)`, RGB in [-1, 1].
"""

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .errors import ImageError, InvalidInputError, NonFiniteError
from .files import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE_PX = 16
"""Smallest width and height that any part of this package accepts."""


def load_image(path: Path | str) -> Tensor:
    """Read a picture file as RGB.

    EXIF orientation is applied, transparency is laid over white, grey becomes three equal channels
    and 16 bits become 8.

    Args:
        path: Any file that Pillow reads.

    Returns:
        `(1, 3, H, W)` float32 in [-1, 1].

    Raises:
        ImageError: The file is missing, is no picture, or is smaller than 16x16.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    if not path.is_file():
        raise ImageError(f"Expected a picture at {path}, but there is no such file.")
    try:
        with Image.open(path) as file:
            picture = _as_rgb(ImageOps.exif_transpose(file))
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path} is not a picture that can be read, whatever its name says; "
            "give a PNG, JPEG or WebP file."
        ) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageError(f"{path} is too large a picture ({error}); scale it down.") from error
    except Exception as error:  # damaged bytes surface as many types inside Pillow's decoders
        raise ImageError(f"{path} is a damaged picture ({error}); save it again.") from error
    if min(picture.size) < MIN_SIDE_PX:
        width, height = picture.size
        raise ImageError(
            f"{path} is {width}x{height} pixels; at least {MIN_SIDE_PX}x{MIN_SIDE_PX} are needed."
        )
    return from_uint8(torch.from_numpy(np.array(picture))[None])


def save_image(image: Tensor, path: Path | str) -> None:
    """Write one image; the file appears whole or not at all.

    Args:
        image: `(1, 3, H, W)` or `(3, H, W)` in [-1, 1]; values outside are clipped.
        path: Target; its ending chooses the format, its folder is made if needed.

    Raises:
        ImageError: The ending names no picture format.
    """
    from PIL import Image

    path = Path(path)
    check_image_name(path)
    picture: Image.Image = to_pil(image)

    def write(temporary: Path) -> None:
        # The quality of JPEG and WebP; formats without loss ignore it.
        picture.save(
            temporary, format=Image.registered_extensions()[path.suffix.lower()], quality=95
        )

    write_whole(path, write)


def check_image_name(path: Path | str) -> None:
    """Raise ImageError unless the path's ending names a picture format that can be written."""
    suffix = Path(path).suffix.lower()
    if not _takes_rgb(suffix):
        raise ImageError(
            f"{path} must end in a picture format's name such as .png or .jpg, not {suffix!r}."
        )


@lru_cache
def _takes_rgb(suffix: str) -> bool:
    """Return whether a format takes pictures in colour: some that Pillow writes take others."""
    from PIL import Image

    name = Image.registered_extensions().get(suffix)
    if name not in Image.SAVE:
        return False
    try:
        Image.new("RGB", (MIN_SIDE_PX, MIN_SIDE_PX)).save(io.BytesIO(), format=name)
    except Exception:  # each format refuses in its own way
        return False
    return True


def to_pil(image: Tensor) -> "Image":
    """Return one image, `(1, 3, H, W)` or `(3, H, W)` in [-1, 1], as an 8-bit Pillow picture."""
    from PIL import Image

    batch = image if image.ndim == 4 else image[None]
    if batch.shape[0] != 1:
        raise InvalidInputError(f"Expected one image, found a batch of {batch.shape[0]}.")
    return Image.fromarray(to_uint8(batch)[0].numpy())


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
        raise NonFiniteError(f"{what} holds NaN or infinite values; {advice}.")


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


def _as_rgb(picture: "Image") -> "Image":
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("floating-point pixels, whose range a file does not tell")
    if picture.mode.startswith("I"):  # Pillow scales every depth above 8 bits to 16
        pixels = np.asarray(picture, dtype=np.float64) / 65535 * 255
        return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")

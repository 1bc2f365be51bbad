"""psi_l: the low-pass filters made of shrinking and enlarging, as a pair of small matrices.

Both directions act on rows and columns alone, so a filter at 512 px is four products with a
128x512 matrix: exact for any factor, differentiable, and the same on every device.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..parameters import Param

KERNELS = ("bicubic", "box", "bicubic_enlarged")
"""How an image is shrunk, and enlarged again; see `LowPassFilter`."""


class LowPassFilter:
    """psi_l(x) = enlarge(shrink(x)).

    Source: DifBFSR, psi_l of eq. 5; DDNM (Wang et al. 2022) for enlarging by the pseudo-inverse.
    Deviations: the operator is not published. The argument for eq. 5, that it leaves what y
        measures as y measured it, needs shrink(enlarge(z)) = z, so enlarging is the pseudo-inverse
        of shrinking: psi_l is then an orthogonal projection, psi_l psi_l = psi_l. Enlarging by
        bicubic interpolation, as ILVR does, is no projection and is kept for comparison.

    Args:
        kernel: "bicubic", antialiased, with its pseudo-inverse; "box", the mean of a block and its
            repetition; or "bicubic_enlarged", antialiased bicubic both ways.
        factor: l; sides are divided by it and rounded. 1 lets everything pass.

    Raises:
        InvalidInputError: An unknown kernel, or a factor below 1.

    Example:
        >>> import torch
        >>> LowPassFilter("box", 2)(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])).flatten()
        tensor([4., 4., 4., 4.])
    """

    def __init__(self, kernel: str = "bicubic", factor: float = 4.0) -> None:
        Param(choices=KERNELS).check("kernel", kernel)
        Param(1.0).check("factor", factor)
        self.kernel = kernel
        self.factor = factor

    def __call__(self, image: Tensor) -> Tensor:
        """Return the low frequencies of `(B, C, H, W)`, in its dtype (computed in float32)."""
        height, width = image.shape[-2:]
        return self.enlarge(self.shrink(image.float()), height, width).to(image.dtype)

    def shrink(self, image: Tensor) -> Tensor:
        """Return `(B, C, H / factor, W / factor)` of a float32 image."""
        rows = self._matrix("shrink", image, image.shape[-2])
        columns = self._matrix("shrink", image, image.shape[-1])
        return rows @ image @ columns.T

    def enlarge(self, small: Tensor, height: int, width: int) -> Tensor:
        """Return `(B, C, height, width)` of a float32 image that was shrunk from this size."""
        rows = self._matrix("enlarge", small, height)
        columns = self._matrix("enlarge", small, width)
        return rows @ small @ columns.T

    def _matrix(self, direction: str, image: Tensor, length: int) -> Tensor:
        short = max(1, round(length / self.factor))
        return _placed(direction, self.kernel, length, short, image.dtype, image.device)


@lru_cache(maxsize=64)
def _placed(
    direction: str, kernel: str, length: int, short: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a matrix where it is used; a schedule of factors asks for the same few again."""
    matrix = shrinking_matrix if direction == "shrink" else enlarging_matrix
    with torch.inference_mode(False), torch.no_grad():
        # In two steps: not every device has float64.
        return matrix(kernel, length, short).to(dtype).to(device)


def shrinking_matrix(kernel: str, length: int, short: int) -> Tensor:
    """Return what shrinks a line of `length` pixels to `short`: `(short, length)` float64.

    Every pixel counts as much as any other, so that an even image is a low frequency: boxes share a
    pixel by its parts, and the bicubic window sees the line mirrored at its ends (cut off and
    normalised there, as usual, it would make the border darker in what the pseudo-inverse returns).
    """
    if kernel == "box":
        edges = torch.arange(short + 1, dtype=torch.float64)[:, None] * length / short
        pixels = torch.arange(length, dtype=torch.float64)
        overlap = torch.minimum(edges[1:], pixels + 1) - torch.maximum(edges[:-1], pixels)
        return overlap.clamp(min=0) * short / length
    lines = torch.eye(3 * length, dtype=torch.float64)[None, None]
    size = (3 * short, 3 * length)
    wide = F.interpolate(lines, size=size, mode="bicubic", antialias=True)[0, 0, short : 2 * short]
    before, within, behind = wide.split(length, dim=1)
    return before.flip(1) + within + behind.flip(1)


def enlarging_matrix(kernel: str, length: int, short: int) -> Tensor:
    """Return what enlarges a line of `short` pixels to `length`: `(length, short)` float64."""
    if kernel == "bicubic_enlarged":
        lines = torch.eye(short, dtype=torch.float64)[None, None]
        return F.interpolate(lines, size=(length, short), mode="bicubic", antialias=True)[0, 0]
    shrink = shrinking_matrix(kernel, length, short)
    # A shrinking has full row rank, so its pseudo-inverse needs no singular values.
    return torch.linalg.solve(shrink @ shrink.T, shrink).T


def low_resolution(enlarged: Tensor, scale: int) -> Tensor:
    """Return the small image whose bicubic enlargement is nearest to `enlarged`.

    A photo that was enlarged to the prior's size comes back as it was, to rounding, where shrinking
    with antialiasing would soften it once more.

    Args:
        enlarged: `(B, 3, H, W)`, H and W multiples of `scale`.
        scale: How many times smaller the result is.

    Returns:
        `(B, 3, H / scale, W / scale)` float32.
    """
    image = enlarged.float()
    rows, columns = (
        torch.linalg.pinv(enlarging_matrix("bicubic_enlarged", side, side // scale)).to(image)
        for side in image.shape[-2:]
    )
    return rows @ image @ columns.T

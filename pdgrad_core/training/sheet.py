"""A sheet of pictures in rows."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def tile(rows: Sequence[Tensor], gap_px: int = 2, enlarge: int = 2) -> Tensor:
    """Lay rows of pictures out on white.

    Args:
        rows: Each `(N, 3, S, S)` in [-1, 1], all of one side S.
        gap_px: Space between pictures, before enlarging.
        enlarge: Whole factor by which the sheet's pixels are repeated.

    Returns:
        `(1, 3, H, W)` in [-1, 1].
    """
    columns = max(len(row) for row in rows)
    side = rows[0].shape[-1]
    cell = side + gap_px
    sheet = torch.ones(1, 3, len(rows) * cell + gap_px, columns * cell + gap_px)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row.detach().float().cpu()):
            top, left = gap_px + y * cell, gap_px + x * cell
            sheet[0, :, top : top + side, left : left + side] = picture.clamp(-1, 1)
    return F.interpolate(sheet, scale_factor=float(enlarge), mode="nearest")

"""The head's shape: an outline by height, and a relief of bumps on it, in face coordinates.

At height y the head is the ellipse x^2 r(y) + (z - b)^2 = Q(y) r(y): Q is the squared half
width, r the squared ratio of depth to width, and b(x, y) the relief. Q may go below zero
above the crown and below the chin, so that the silhouette is the sign of a smooth function.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .identity import Identity
from .view import View

GRID_X, GRID_Y = 80, 112
HALF_X, HALF_Y = 1.5, 2.1

# Rows: place between crown (0) and chin (1), half width, depth ratio, forward shift.
OUTLINE = (
    (0.00, 0.00, 0.90, 0.00),
    (0.08, 0.70, 0.95, 0.00),
    (0.24, 1.08, 1.00, 0.00),
    (0.40, 1.16, 0.96, 0.06),
    (0.50, 1.145, 0.84, 0.12),
    (0.62, 1.085, 0.80, 0.18),
    (0.74, 0.97, 0.80, 0.28),
    (0.85, 0.79, 0.88, 0.36),
    (0.93, 0.555, 1.10, 0.42),
    (1.00, 0.00, 1.20, 0.44),
)
ROWS = 128
EXTENT = (-0.15, 1.15)


def column(values: Tensor) -> Tensor:
    """A per-face value (B,) shaped to multiply maps (B, H, W)."""
    return values[:, None, None]


@lru_cache(maxsize=4)
def _spline(device: torch.device) -> Tensor:
    """Matrix from values at the outline's places to ROWS samples: a natural cubic spline."""
    t = np.array([row[0] for row in OUTLINE])
    n, h = len(t), np.diff(t)
    system, right = np.eye(n), np.zeros((n, n))
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = h[i - 1], 2.0 * (h[i - 1] + h[i]), h[i]
        right[i, i - 1 : i + 2] = 1 / h[i - 1], -1 / h[i - 1] - 1 / h[i], 1 / h[i]
    bend = np.linalg.solve(system, 6.0 * right)
    s = np.linspace(*EXTENT, ROWS)
    k = np.clip(np.searchsorted(t, s) - 1, 0, n - 2)
    eye, left, width = np.eye(n), (t[k + 1] - s)[:, None], h[k][:, None]
    ahead = (s - t[k])[:, None]
    matrix = (bend[k] * left**3 + bend[k + 1] * ahead**3) / (6 * width)
    matrix += (eye[k] / width - bend[k] * width / 6) * left
    matrix += (eye[k + 1] / width - bend[k + 1] * width / 6) * ahead
    return torch.from_numpy(matrix.astype(np.float32)).to(device)


@dataclass
class Relief:
    """The head's shape sampled on a grid in face coordinates."""

    shape: Tensor  # (B, 3, GRID_Y, GRID_X): b, Q, r
    slopes: Tensor  # (B, 4, GRID_Y, GRID_X): db/dx, db/dy, dQ/dy, dr/dy
    front: Tensor  # (B, GRID_Y, GRID_X): z of the front surface
    open_y: Tensor  # (B,) how far the chin has dropped


def axes(device: torch.device) -> tuple[Tensor, Tensor]:
    """The grid's x (1, 1, GRID_X) and y (1, GRID_Y, 1)."""
    x = torch.linspace(-HALF_X, HALF_X, GRID_X, device=device)
    y = torch.linspace(-HALF_Y, HALF_Y, GRID_Y, device=device)
    return x.view(1, 1, -1), y.view(1, -1, 1)


def sample(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Read maps (B, C, GRID_Y, GRID_X) at face coordinates (B, H, W): (B, C, H, W)."""
    grid = torch.stack((x / HALF_X, y / HALF_Y), dim=-1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=True)


def mounds(rows: list[tuple[Tensor | float, ...]], x: Tensor, y: Tensor, batch: int) -> Tensor:
    """Sum of Gaussian mounds; one at x > 0 has its mirror image too.

    Args:
        rows: amplitude, x, y, width, height of each; numbers or (B,).
        x: (1, 1, W).
        y: (1, H, 1).
        batch: B.

    Returns:
        (B, H, W).
    """
    like = x.new_zeros(batch)
    amp, cx, cy, sx, sy = (
        torch.stack([like + row[i] for row in rows], dim=1)[:, :, None] for i in range(5)
    )
    place = torch.where(cx > 0, x.abs(), x) - cx
    across = torch.exp(-((place / sx) ** 2))
    down = amp * torch.exp(-(((y.view(1, 1, -1) - cy) / sy) ** 2))
    return down.transpose(1, 2) @ across


def build_relief(who: Identity, view: View) -> Relief:
    """Shape of each head with its expression."""
    x, y = axes(who.age.device)
    drop = 0.30 * view.mouth_open
    outline = _outline(who, drop, y)
    b = outline[:, 2] + _nose(who, x, y)
    b = b + mounds(_bumps(who, view, drop), x, y, len(who))
    b = b + column(who.chin_forward) * torch.exp(
        -((x / 0.5) ** 2 + ((y - column(who.chin + drop) + 0.26) / 0.3) ** 2)
    )
    q, r = (outline[:, i].expand_as(b) for i in (0, 1))
    shape = torch.stack((b, q, r), dim=1)
    step_x, step_y = 2 * HALF_X / (GRID_X - 1), 2 * HALF_Y / (GRID_Y - 1)
    down = F.pad(shape[:, :, 2:] - shape[:, :, :-2], (0, 0, 1, 1), mode="replicate") / (2 * step_y)
    across = F.pad(b[:, :, 2:] - b[:, :, :-2], (1, 1)) / (2 * step_x)
    front = b + ((q - x**2) * r).clamp_min(0.0).sqrt()
    return Relief(shape, torch.cat((across[:, None], down), dim=1), front, drop)


def _outline(who: Identity, drop: Tensor, y: Tensor) -> Tensor:
    """Q, r and the forward shift by height, (B, 3, GRID_Y, 1)."""
    knots = torch.tensor(OUTLINE, device=drop.device)[:, 1:].T.repeat(len(drop), 1, 1)
    gain = torch.ones_like(knots[:, 0])
    gain[:, 1:4] *= who.skull_width[:, None]
    gain[:, 4:6] *= who.cheek_width[:, None]
    gain[:, 6:8] *= who.jaw_width[:, None]
    gain[:, 8] *= who.chin_width
    # A long beard rounds the jaw and lowers the outline of the chin.
    gain[:, 7:9] *= 1.0 + 0.35 * who.beard_length[:, None]
    knots[:, 0] = (knots[:, 0] * gain) ** 2
    dense = knots @ _spline(drop.device).T
    chin, crown = column(who.chin + drop + 0.5 * who.beard_length), column(who.crown)
    # An opening mouth lengthens the face below the nose only.
    above = torch.minimum(y, y * 0 + 0.55)
    below = (y - 0.55).clamp_min(0.0) * (column(who.chin) - 0.55) / (chin - 0.55)
    t = (above + below - crown) / (column(who.chin) - crown)
    place = ((t - EXTENT[0]) / (EXTENT[1] - EXTENT[0]) * (ROWS - 1)).clamp(0, ROWS - 1.001)
    index = place.floor().long().transpose(1, 2).expand(-1, 3, -1)
    frac = (place - place.floor()).transpose(1, 2)
    rows = torch.lerp(dense.gather(2, index), dense.gather(2, index + 1), frac)
    return rows[..., None]


def _nose(who: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Ridge, tip and wings of the nose, (B, H, W)."""
    tip, root = column(who.nose_tip_y), column(who.eye_y) - 0.12
    t = ((y - root) / (tip - root)).clamp(-0.6, 1.4)
    rise = (
        column(who.nose_root)
        + (column(who.nose_height) - column(who.nose_root)) * t.clamp(0.0, 1.0) ** 1.15
    )
    rise = rise + column(who.nose_hump) * torch.exp(-(((t - 0.45) / 0.22) ** 2))
    fade = torch.sigmoid((t + 0.10) * 10.0) * torch.sigmoid((tip + 0.07 - y) * 19.0)
    width = column(who.nose_bridge) * (1.25 + 0.45 * t.clamp(0.0, 1.0))
    centre = column(who.nose_bend) * t
    ridge = rise * fade * torch.exp(-(((x - centre) / width) ** 2) * 0.8)
    wings = mounds(
        [
            (0.19, who.nose_width * 0.70, who.nose_tip_y + 0.015, who.nose_width * 0.38, 0.085),
            (who.nose_bulb * 0.8, 0.0, who.nose_tip_y - 0.02, who.nose_bulb * 1.2, 0.11),
            (0.08, 0.0, who.nose_tip_y + 0.06, who.nose_width * 0.9, 0.07),
        ],
        x, y, len(who),
    )  # fmt: skip
    return ridge + wings


def _bumps(who: Identity, view: View, drop: Tensor) -> list[tuple[Tensor | float, ...]]:
    """Mounds and hollows other than the nose."""
    ex, ey, my = who.eye_x, who.eye_y, who.mouth_y
    smile = view.smile.clamp_min(0.0)
    half = who.mouth_width * (1 + 0.16 * view.smile)
    lower = my + drop * 0.62
    return [
        (who.brow_ridge, 0.42, who.brow_y + 0.05, 0.34, 0.13),
        (-who.eye_depth, ex, ey - 0.02, 0.26, 0.15),
        (-0.06, 0.26, ey + 0.05, 0.12, 0.16),
        (0.085, ex, ey, 0.19, 0.13),
        (0.03 * who.eye_bags, ex, ey + 0.17, 0.2, 0.06),
        (-0.03 * who.eye_bags, ex - 0.06, ey + 0.26, 0.2, 0.07),
        (who.cheekbone + 0.07 * smile, 0.70, 0.30 - 0.05 * smile, 0.30, 0.24),
        (who.cheek_fat, 0.62, 0.72, 0.28, 0.34),
        (-0.03 - 0.05 * who.wrinkles, 0.85, 0.78, 0.2, 0.3),
        (0.10, 0.0, my - 0.02, 0.42, 0.26),
        (who.lip_upper * 0.75, 0.0, my - who.lip_upper * 0.45, half * 0.75, who.lip_upper * 0.75),
        (who.lip_lower * 0.7, 0.0, lower + who.lip_lower * 0.5, half * 0.6, who.lip_lower * 0.65),
        (-0.05, 0.0, my + drop * 0.5, half * 0.9, 0.03 + drop * 0.3),
        (-0.05, half * 1.05, my - 0.06 * smile, 0.07, 0.08),
        (-0.03, 0.0, my - 0.20, 0.035, 0.09),
        (-0.075, 0.0, lower + who.lip_lower + 0.09, 0.3, 0.07),
        (-who.chin_cleft, 0.0, who.chin + drop - 0.2, 0.035, 0.12),
        (-0.015 - 0.03 * smile - 0.03 * who.wrinkles, 0.42, 0.68, 0.09, 0.2),
        (0.02 + 0.06 * smile + 0.02 * who.wrinkles, 0.60, 0.62, 0.2, 0.24),
        (-0.05, 1.0, -0.55, 0.2, 0.35),
        (0.04, 0.0, -0.75, 0.6, 0.25),
    ]

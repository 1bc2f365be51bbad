"""Lips, teeth and nostrils, painted in face coordinates."""

from __future__ import annotations

import torch

from .canvas import Canvas, smoothstep
from .identity import Identity
from .noise import noise
from .pose import mouth_corners
from .relief import column
from .view import View


def paint_mouth(canvas: Canvas, who: Identity, view: View) -> None:
    """Paint lips and what the open mouth shows."""
    box = canvas.window(150, 326, 362, 470)
    half_width, corner_y = mouth_corners(who, view)
    half = column(half_width)
    s = box.x / half
    bow = 1.0 - s * s
    middle = column(who.mouth_y) + 0.04 * column(view.mouth_open)
    line = column(corner_y) + (middle - column(corner_y)) * bow
    gape = 0.33 * column(view.mouth_open) * bow.clamp_min(0.0) ** 0.8
    gape = torch.where(bow > 0, gape, bow)
    tight = 1.0 - 0.22 * column(view.smile.clamp_min(0.0))
    cupid = 1.0 - column(who.lip_cupid) * (
        0.55 * torch.exp(-((box.x / 0.055) ** 2))
        - 0.18 * torch.exp(-(((box.x.abs() - 0.12) / 0.06) ** 2))
    )
    top = line - 0.15 * gape
    bottom = line + 0.85 * gape
    upper = column(who.lip_upper) * tight * bow.clamp_min(0.0) ** 0.9 * cupid
    lower = column(who.lip_lower) * tight * bow.clamp_min(0.0) ** 0.75
    above = box.y - (top - upper)
    below = (bottom + lower) - box.y
    outline = torch.minimum(above, below)
    outline = torch.where(bow > 0, outline, bow)
    creases = noise(box.x * 0.75, box.y * 0.12, 1)
    # The upper lip faces down and is darker; a soft light lies on the lower one.
    tone = torch.where(box.y < line, 0.74, 1.0) * (1.0 + 0.06 * creases)
    rouge = who.lip_rgb[:, :, None, None] * tone[:, None]
    gloss = 0.42 * smoothstep(0.0, 0.5, (box.y - bottom) / (lower + 0.01))
    box.paint(rouge, box.edge(outline, 1.8), gloss, "mouth")
    # Skin just under the lip, and the corners.
    under = torch.exp(-(((below + 0.035) / 0.03) ** 2)) * bow.clamp_min(0.0)
    dimple = torch.exp(
        -((((s.abs() - 1.03) / 0.07) ** 2) + ((box.y - column(corner_y)) / 0.035) ** 2)
    )
    box.shade(1.0 - 0.20 * under - 0.38 * dimple)
    _paint_opening(box, who, view, s, top, bottom)


def _paint_opening(
    box: Canvas, who: Identity, view: View, s: torch.Tensor, top: torch.Tensor, bottom: torch.Tensor
) -> None:
    between = torch.minimum(box.y - top, bottom - box.y)
    # A closed mouth still shows its line.
    reach = smoothstep(1.06, 0.96, s.abs())
    thickness = 0.011 * (1.15 - 0.35 * s * s)
    cover = box.edge(between + thickness, 1.2) * reach
    box.paint(who.lip_rgb * 0.10 + 0.002, cover * 0.93, 0.0, "mouth")
    opened = (bottom - top).clamp_min(1e-4)
    depth = (box.y - top) / opened
    height = 0.09 + 0.08 * column(view.smile.clamp_min(0.0))
    tooth_cover = box.edge(torch.minimum(between - 0.004, top + height - box.y), 1.3)
    tooth_cover = tooth_cover * smoothstep(0.92, 0.72, s.abs())
    gaps = 1.0 - 0.10 * torch.exp(-(((box.x / 0.075 - (box.x / 0.075).round()) / 0.10) ** 2))
    tone = (0.80 - 0.42 * s * s) * gaps * (0.72 + 0.28 * smoothstep(0.0, 0.3, depth))
    ivory = box.albedo.new_tensor([0.86, 0.82, 0.74])[None, :, None, None] * tone[:, None]
    box.paint(ivory, tooth_cover, 0.15)
    tongue = box.edge(between - 0.012, 2.5) * smoothstep(0.55, 1.0, depth) * (opened > 0.09)
    box.paint(who.lip_rgb * box.albedo.new_tensor([0.75, 0.42, 0.42]), tongue * 0.7, 0.2)


def paint_nose(canvas: Canvas, who: Identity) -> None:
    """Paint the nostrils and the crease around the wings, and label the nose."""
    box = canvas.window(186, 226, 326, 346)
    tip, width = column(who.nose_tip_y), column(who.nose_width)
    if box.parts is not None:
        t = ((box.y - column(who.eye_y)) / (tip - column(who.eye_y))).clamp(0.0, 1.0)
        region = column(who.nose_bridge) + (width - column(who.nose_bridge)) * t**2.5 - box.x.abs()
        region = torch.minimum(region, tip + 0.13 - box.y)
        region = torch.minimum(region, box.y - column(who.eye_y))
        box.parts.masked_fill_(region > 0, 5)
    ax = box.x - column(who.nose_bend)
    hx = (ax.abs() - width * 0.47) / (width * 0.27)
    hy = (box.y - tip - 0.085 + 0.05 * hx) / 0.032
    hole = torch.exp(-(hx * hx + hy * hy))
    wx = (ax.abs() - width * 0.62) / (width * 0.46)
    wy = (box.y - tip - 0.01) / 0.105
    ring = (wx * wx + wy * wy + 1e-6).sqrt() - 1.0
    crease = torch.exp(-((ring / 0.17) ** 2)) * smoothstep(0.1, 0.75, wx)
    base = torch.exp(-(((box.y - tip - 0.115) / 0.03) ** 2 + (ax / (width * 0.75)) ** 4))
    box.shade(1.0 - 0.55 * hole - 0.34 * crease - 0.08 * base)

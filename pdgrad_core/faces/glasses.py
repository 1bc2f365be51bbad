"""Glasses: rims on a plane before the face, lenses, temples, and their shadow."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas, smoothstep
from .identity import Identity
from .pose import Pose
from .relief import column
from .shading import Lighting

PLANE = 1.16  # z of the lenses
BOX = (20, 140, 492, 350)  # where they may be, px of 512


def _lens(who: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Signed distance to the lens outline, positive inside, about true near the edge."""
    wide, high = column(who.glasses_size[:, 0]), column(who.glasses_size[:, 1])
    side = x.abs() - column(who.eye_x) - 0.01
    down = y - column(who.eye_y) - 0.035 + column(who.glasses_tilt) * side / wide
    power = column(who.glasses_power)
    a, b = (side / wide).abs() + 1e-4, (down / high).abs() + 1e-4
    norm = (a**power + b**power) ** (1.0 / power)
    return (1.0 - norm) * 0.5 * (wide + high)


def _frame(who: Identity, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Signed distances of the rim with its bridge, and of the lens."""
    lens = _lens(who, x, y)
    rim = column(who.glasses_rim)
    frame = rim - lens.abs()
    gap = column(who.eye_x) + 0.01 - column(who.glasses_size[:, 0])
    arc = y - column(who.eye_y) + 0.03 - 1.2 * x * x
    bridge = torch.minimum(rim * 0.9 - arc.abs(), gap + 0.01 - x.abs())
    return torch.maximum(frame, bridge), lens


def shade_behind_glasses(canvas: Canvas, who: Identity, light: Lighting) -> None:
    """The shadow of the rims on the skin, displaced away from the light."""
    box = canvas.window(64, 150, 448, 336)
    lx, ly, lz = light.key
    reach = 0.13 / lz.clamp_min(0.35)
    frame, _ = _frame(who, box.x + lx * reach, box.y + ly * reach)
    box.shade(1.0 - 0.38 * box.edge(frame, 3.0) * column(who.glasses))


def put_on_glasses(
    picture: Tensor, parts: Tensor | None, who: Identity, pose: Pose, light: Lighting
) -> None:
    """Draw the glasses of those who wear them over a finished face, in place.

    Args:
        picture: linear light, (B, 3, S, S).
        parts: labels, (B, S, S), or None.
        who: the persons.
        pose: their pose.
        light: lights in head space.
    """
    # The canvas's gloss carries the camera's x here.
    size = picture.shape[-1]
    u, v = pose.camera(size)
    a = pose.axes
    depth = (PLANE - a[2] * u - a[5] * v) / a[8]
    x = a[0] * u + a[3] * v + a[6] * depth
    y = a[1] * u + a[4] * v + a[7] * depth
    canvas = Canvas(picture, u, parts, x, y, 4.0 / size)
    box = canvas.window(*BOX)
    frame, lens = _frame(who, box.x, box.y)
    worn = column(who.glasses)
    glow = (light.key_rgb + light.fill_rgb)[:, :, 0, 0]
    inside = box.edge(lens) * worn
    tint = 0.06 + 0.75 * column(who.glasses_tint)
    box.albedo.mul_((1.0 - inside * tint)[:, None])
    streak = smoothstep(0.05, 0.0, (box.x - 0.5 * box.y - 0.62 * box.x.sign()).abs())
    box.albedo.add_((inside * streak * 0.07)[:, None] * glow[:, :, None, None])
    arm = _temples(who, pose, box.gloss, Canvas(picture, v, None, x, y, 1.0).window(*BOX).gloss)
    cover = torch.maximum(box.edge(frame), box.edge(arm)) * worn
    # The rim is rounded: a light line along its upper edge.
    round_light = 0.55 + 0.9 * smoothstep(0.35, 0.9, frame / column(who.glasses_rim))
    colour = (who.glasses_rgb * glow)[:, :, None, None] * round_light[:, None] + 0.012
    box.paint(colour, cover, part="glasses")


def _temples(who: Identity, pose: Pose, u: Tensor, v: Tensor) -> Tensor:
    """Signed distance of the arms from the hinges back towards the ears."""
    best = torch.full_like(u, -1.0)
    hinge_x = who.eye_x + 0.01 + who.glasses_size[:, 0]
    y = who.eye_y - 0.02
    a = pose.axes
    for side in (-1.0, 1.0):
        x0, x1 = column(side * hinge_x), side * 1.20
        y0, y1 = column(y), column(y + 0.03)
        z0, z1 = PLANE, 0.25
        px = a[0] * x0 + a[1] * y0 + a[2] * z0
        py = a[3] * x0 + a[4] * y0 + a[5] * z0
        qx = a[0] * x1 + a[1] * y1 + a[2] * z1
        qy = a[3] * x1 + a[4] * y1 + a[5] * z1
        dx, dy = qx - px, qy - py
        t = (((u - px) * dx + (v - py) * dy) / (dx * dx + dy * dy + 1e-6)).clamp(0.0, 1.0)
        far = ((u - px - t * dx) ** 2 + (v - py - t * dy) ** 2 + 1e-9).sqrt()
        best = torch.maximum(best, column(who.glasses_rim) * 0.9 - far)
    return best

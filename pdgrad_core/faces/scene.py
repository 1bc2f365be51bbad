"""What surrounds the face: backdrop, neck, clothes and ears."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .canvas import Canvas, smoothstep
from .identity import Identity
from .noise import noise
from .pose import Pose
from .relief import column
from .shading import Lighting, diffuse, unit
from .view import BOKEH, View


def paint_backdrop(view: View, size: int) -> Tensor:
    """The background, linear light, (B, 3, size, size)."""
    half = size // 2
    step = (torch.arange(half, device=view.yaw.device) + 0.5) * (4.0 / half) - 2.0
    x, y = step.view(1, 1, -1), step.view(1, -1, 1)
    along = x * column(view.backdrop_angle.cos()) + y * column(view.backdrop_angle.sin())
    hard = column((view.backdrop == 2).float())
    mix = torch.lerp(smoothstep(-2.4, 2.4, along), smoothstep(-0.12, 0.12, along), hard)
    first, second = view.backdrop_rgb[:, 0], view.backdrop_rgb[:, 1]
    colour = torch.lerp(first[:, :, None, None], second[:, :, None, None], mix[:, None])
    glow = torch.zeros_like(mix)
    for k in range(BOKEH):
        cx, cy, radius, strength = (column(view.backdrop_spots[:, k, i]) for i in range(4))
        far = ((x - cx) ** 2 + (y - cy) ** 2).sqrt()
        glow = glow + strength * smoothstep(0.07, -0.07, far - radius)
    glow = glow * column((view.backdrop == 1).float())
    colour = colour * (1.0 + 0.75 * glow[:, None]).clamp_min(0.3)
    return F.interpolate(colour, scale_factor=2, mode="bilinear", align_corners=False)


def dress(
    picture: Tensor, parts: Tensor | None, who: Identity, view: View, pose: Pose, light: Lighting
) -> None:
    """Draw neck, shoulders and clothes over the picture, in place.

    Args:
        picture: linear light, (B, 3, S, S).
        parts: labels, (B, S, S), or None.
        who: the persons.
        view: the views.
        pose: the heads' poses.
        light: lights in camera space.
    """
    size = picture.shape[-1]
    u, v = pose.camera(size)
    canvas = Canvas(picture, torch.zeros_like(u), parts, u, v, 4.0 / size)
    box = canvas.window(0, 300, 512, 512)
    a = pose.axes
    cx, cy = a[1] * 1.0 - a[2] * 0.25, a[4] * 1.0 - a[5] * 0.25
    cos, sin = column(view.roll.cos()), column(view.roll.sin())
    x = cos * (box.x - cx) - sin * (box.y - cy)
    y = sin * (box.x - cx) + cos * (box.y - cy)
    one = torch.ones_like(x)

    wide = 0.54 + 0.12 * column(who.masculine) + 0.10 * (y - 0.35).clamp_min(0.0) ** 2
    s = (x / wide).clamp(-1.0, 1.0)
    normal = unit(s, 0.25 * one, (1.0 - s * s).clamp_min(0.0).sqrt() + 0.05)
    chin = column(who.chin) - 1.0 - 0.28 * x * x
    under_chin = 0.30 + 0.70 * smoothstep(-0.25, 0.55, y - chin)
    lit = diffuse(normal, light, under_chin, under_chin)
    sinew = 1.0 - 0.10 * torch.exp(-(((x.abs() - 0.34 + 0.1 * y) / 0.07) ** 2))
    skin = who.skin_rgb[:, :, None, None] * lit * (0.94 * sinew)[:, None]
    box.paint(skin, box.edge(wide - x.abs()) * (y > -0.6), part="neck")
    _paint_clothes(box, x, y, view, light)


def _paint_clothes(box: Canvas, x: Tensor, y: Tensor, view: View, light: Lighting) -> None:
    ax = x.abs()
    kind = view.cloth[:, None, None]
    shoulder = y - 0.70 - 0.30 * (ax - 0.62).clamp_min(0.0) ** 0.9
    depth = 0.75 - 0.49 * (kind == 0) - 0.65 * (kind == 3)
    sharp = torch.where(kind == 0, (1 - (ax / 0.78) ** 2), (1 - ax / 0.74)).clamp_min(0.0)
    collar_y = 0.72 - 0.16 * (kind == 3) + depth * sharp
    region = torch.where(ax < 0.78, y - collar_y, shoulder)
    fold = noise(x * 0.10 + 0.2 * kind, y * 0.10 + 0.37, 0)
    normal = unit(0.45 * x + 0.12 * fold, -0.55 + 0.18 * fold, torch.ones_like(x))
    lit = diffuse(normal, light, torch.ones_like(x), smoothstep(-0.05, 0.25, region) * 0.5 + 0.5)
    weave = (1.0 + 0.06 * fold)[:, None]
    box.paint(view.cloth_rgb[:, 0, :, None, None] * lit * weave, box.edge(region), part="clothes")
    # A hem along the opening, or the two flaps of a collar.
    flap = 0.045 + 0.155 * (kind == 2)
    trim = torch.minimum(region, flap - region)
    trim = torch.where((kind == 2) & (ax > 0.82), -trim.abs() - 1.0, trim)
    second = view.cloth_rgb[:, 1, :, None, None] * lit
    same = view.cloth_rgb[:, 0, :, None, None] * lit * 0.72
    colour = torch.where((kind == 2)[:, None], second, same)
    box.paint(colour, box.edge(trim) * (ax < 0.95), part="clothes")


def paint_ears(
    picture: Tensor, parts: Tensor | None, who: Identity, pose: Pose, light: Lighting
) -> None:
    """Draw both ears over the picture, in place; the head is drawn over them later."""
    size = picture.shape[-1]
    u, v = pose.camera(size)
    canvas = Canvas(picture, torch.zeros_like(u), parts, u, v, 4.0 / size)
    a = pose.axes
    for side, left in ((-1.0, 0), (1.0, 322)):
        box = canvas.window(left, 150, left + 190, 420)
        x0 = side * column(1.04 * who.cheek_width)
        y0 = column(who.eye_y) + 0.27
        # The ear's plane leans back from the side of the head.
        out_x, out_z = side * (0.20 + 1.3 * column(who.ear_out)), -0.62
        cx = a[0] * x0 + a[1] * y0 + a[2] * 0.12
        cy = a[3] * x0 + a[4] * y0 + a[5] * 0.12
        reach = (a[0] * out_x + a[2] * out_z) * 0.62 * (column(who.ear_size) / 0.30)
        reach = side * (side * reach).clamp_min(0.03)
        s = (box.x - cx) / reach
        t = (box.y - cy + 0.10 * s * reach.abs()) / column(who.ear_size)
        egg = ((s - 0.40) / (0.60 - 0.16 * t)) ** 2 + t * t
        distance = (1.0 - egg) * 0.5 * reach.abs()
        hollow = torch.exp(-(((s - 0.38) / 0.26) ** 2 + ((t + 0.12) / 0.48) ** 2))
        fold = torch.exp(-(((egg - 0.52) / 0.16) ** 2)) * (t < 0.55)
        one = torch.ones_like(s)
        normal = unit(side * (0.25 + 0.55 * s) * one, 0.25 * t, 0.75 * one)
        lit = diffuse(normal, light, 1.0 - 0.35 * hollow, 1.0 - 0.4 * hollow)
        red = picture.new_tensor([1.0, 0.84, 0.80])[None, :, None, None]
        skin = who.skin_rgb[:, :, None, None] * red * lit
        skin = skin * (1.0 - 0.50 * hollow - 0.22 * fold)[:, None]
        box.paint(skin, box.edge(distance), part="ears")

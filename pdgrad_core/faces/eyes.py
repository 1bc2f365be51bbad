"""Eyes, lids, lashes and brows, painted in face coordinates for both sides at once."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas, smoothstep
from .identity import Identity
from .noise import noise
from .pose import Pose
from .relief import column
from .view import View

EYEBALL = 0.21


def paint_eyes(canvas: Canvas, who: Identity, view: View, pose: Pose) -> None:
    """Paint both eyes with their lids, and the brows above them."""
    box = canvas.window(108, 140, 404, 296)
    side = torch.where(box.x < 0, -1.0, 1.0)
    _paint_brows(box, who, view)
    _paint_eye(box, side, who, view, pose)


def _paint_eye(box: Canvas, side: Tensor, who: Identity, view: View, pose: Pose) -> None:
    across = (box.x.abs() - column(who.eye_x)) / column(who.eye_width)
    down = box.y - column(who.eye_y) + column(who.eye_tilt) * across * column(who.eye_width)
    arch = 1.0 - (across + 0.10 * (1.0 - across * across)) ** 2
    opening = column(who.eye_height * view.eye_open.clamp_min(0.04))
    lift = 0.05 * column(who.eye_height) * (1.0 - column(view.eye_open))
    squint = 0.12 * column(who.eye_height * view.smile.clamp_min(0.0))
    upper = down - lift + opening * 0.58 * arch
    lower = opening * 0.42 * arch - squint * arch - down + lift
    inside = torch.minimum(upper, lower)
    visible = box.edge(inside)

    _paint_lids(box, upper, lower, across, arch, who)
    # Shade of the upper lid on the ball, and rounding towards the corners.
    shade = 0.42 + 0.58 * smoothstep(-0.01, 0.10, upper)
    shade = shade * (1.0 - 0.28 * across.clamp(-1.2, 1.2) ** 2)
    white = box.albedo.new_tensor([0.58, 0.545, 0.52]).expand(len(who), 3)
    box.paint(white[:, :, None, None] * shade[:, None], visible, 0.05, "eyes")
    pink = smoothstep(-0.80, -1.0, across) * visible * 0.6
    box.paint(who.skin_rgb * white.new_tensor([0.9, 0.45, 0.42]), pink)
    _paint_iris(box, side, visible, shade, who, view, pose)
    # Lash lines last: they lie over white and iris.
    reach = smoothstep(-1.25, -0.8, across) * smoothstep(1.22, 0.9, across)
    thick = 0.013 + 0.017 * column(who.lashes) * (0.65 + 0.35 * across.clamp(-1.0, 1.0))
    dark = who.brow_rgb * 0.12 + 0.004
    box.paint(dark, box.edge(thick - (upper - 0.2 * thick).abs(), 1.3) * reach * 0.92, 0.02, "eyes")
    lower_line = box.edge(0.008 - lower.abs(), 1.5) * reach
    box.paint(who.skin_rgb * 0.22, lower_line * (0.25 + 0.35 * column(who.lashes)))


def _paint_lids(
    box: Canvas, upper: Tensor, lower: Tensor, across: Tensor, arch: Tensor, who: Identity
) -> None:
    """Crease above, soft shade below, bags of age."""
    reach = smoothstep(-1.25, -0.7, across) * smoothstep(1.35, 0.8, across)
    crease = upper + column(who.lid_crease) * (0.45 + 0.55 * arch.clamp_min(0.0))
    line = torch.exp(-((crease / 0.017) ** 2)) * reach * column(who.lid_depth)
    lid = smoothstep(0.03, -0.01, upper) * smoothstep(-0.02, 0.02, crease) * reach
    bag = torch.exp(-(((lower + 0.12) / 0.03) ** 2)) * reach * column(who.eye_bags)
    box.shade(1.0 - 0.52 * line - 0.10 * lid - 0.16 * bag)


def _paint_iris(
    box: Canvas, side: Tensor, visible: Tensor, shade: Tensor, who: Identity, view: View, pose: Pose
) -> None:
    kx, ky = pose.axes[6], pose.axes[7]
    x0 = column(who.eye_x) * side + EYEBALL * (0.75 * kx + 0.38 * column(view.gaze[:, 0]))
    y0 = column(who.eye_y) + EYEBALL * (0.6 * ky + 0.22 * column(view.gaze[:, 1])) - 0.012
    dx, dy = box.x - x0, box.y - y0
    radius = column(who.iris_radius)
    far = (dx * dx + dy * dy + 1e-9).sqrt()
    disc = box.edge(radius - far) * visible
    ring = (far / radius).clamp(0.0, 1.0)
    # Lighter towards the pupil and on the side away from the light, dark at the rim.
    light = view.light_direction
    across = (dx * column(light[:, 0]) + dy * column(light[:, 1])) / radius
    tone = (1.25 - 0.4 * ring - 0.35 * across) * (1.0 - 0.72 * smoothstep(0.72, 1.0, ring))
    tone = tone * (0.35 + 0.65 * shade)
    box.paint(who.iris_rgb[:, :, None, None] * tone.clamp_min(0.05)[:, None], disc, 0.05)
    pupil = box.edge(radius * 0.40 - far, 1.3) * visible
    box.paint(who.iris_rgb * 0.03, pupil, 0.05)
    gx, gy = 0.05 * column(light[:, 0]), 0.05 * column(light[:, 1]) - 0.008
    glint = ((dx - gx) ** 2 + (dy - gy) ** 2 + 1e-9).sqrt()
    box.paint(torch.full_like(who.iris_rgb, 1.9), box.edge(0.020 - glint, 1.2) * visible * 0.9)


def _paint_brows(box: Canvas, who: Identity, view: View) -> None:
    inner, length = column(who.brow_gap), column(who.brow_length)
    t = (box.x.abs() - inner) / length
    raised = column(view.brow_raise)
    arch = column(who.brow_arch) * (1.0 - ((t - 0.62) / 0.62) ** 2)
    frown = raised.clamp_max(0.0) * (1.0 - t.clamp(0.0, 1.0)) * 0.10
    centre = column(who.brow_y) - arch - (column(who.brow_tilt)) * (t - 0.5) * 0.6
    centre = centre - 0.075 * raised - frown * 1.5
    body = column(who.brow_thickness) * (1.0 - 0.72 * t.clamp(0.0, 1.2) ** 1.8)
    strands = noise(box.x * 0.5 + box.y * 0.9 * t.sign(), box.y * 0.22, 1)
    ragged = body * (0.86 + 0.16 * strands)
    ends = smoothstep(-0.07, 0.10, t) * smoothstep(1.02, 0.85, t)
    cover = box.edge(ragged - (box.y - centre).abs(), 1.8) * ends
    cover = cover * column(who.brow_density) * (0.88 + 0.12 * strands).clamp(0.0, 1.1)
    box.paint(who.brow_rgb, cover.clamp(0.0, 1.0), 0.02, "brows")

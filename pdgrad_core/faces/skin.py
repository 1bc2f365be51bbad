"""Tone of the skin: zones, spots, scars, lines of age, and the beard."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas, smoothstep
from .identity import Identity
from .noise import noise
from .relief import axes, column, mounds
from .view import View

# Maps over the relief's grid that skin_zones returns, in order.
ZONES = ("red", "dark", "freckles", "moustache", "goatee", "whiskers")


def skin_zones(who: Identity, view: View) -> Tensor:
    """Smooth zones of the face over the relief's grid, (B, 6, GRID_Y, GRID_X), see ZONES.

    The first three are strengths, the beard's are signed distances, positive inside.
    """
    x, y = axes(who.age.device)
    n, drop = len(who), 0.30 * view.mouth_open
    smile = view.smile.clamp_min(0.0)
    red = mounds(
        [
            (who.skin_red, 0.62, 0.36, 0.42, 0.32),
            (who.skin_red * 0.9, 0.0, who.nose_tip_y - 0.02, 0.22, 0.16),
            (who.skin_red * 0.45, 0.0, who.chin - 0.2, 0.3, 0.2),
            (who.skin_red * 0.3, 0.0, -0.7, 0.7, 0.2),
        ],
        x, y, n,
    )  # fmt: skip
    dark = mounds(
        [
            (0.16 + 0.22 * who.eye_bags, who.eye_x - 0.05, who.eye_y + 0.155, 0.2, 0.075),
            (0.20, who.eye_x - 0.02, who.eye_y - 0.12, 0.3, 0.11),
            (0.16, 0.27, who.eye_y - 0.03, 0.1, 0.14),
            (0.10 + 0.25 * who.wrinkles + 0.16 * smile, 0.40, 0.62, 0.05, 0.13),
            (0.05 + 0.25 * who.wrinkles + 0.10 * smile, 0.50, 0.80, 0.05, 0.13),
            (0.07, 0.0, who.mouth_y + who.lip_lower + 0.09, 0.22, 0.06),
        ],
        x, y, n,
    )  # fmt: skip
    dots = mounds([(1.0, 0.5, 0.22, 0.42, 0.26), (0.8, 0.0, 0.15, 0.3, 0.3)], x, y, n)
    dots = dots + 0.25 * torch.exp(-(((y + 0.75) / 0.35) ** 2))
    maps = (red, dark, dots, *_beard_zones(who, drop, x, y))
    return torch.stack([m.expand_as(red) for m in maps], dim=1)


def _beard_zones(
    who: Identity, drop: Tensor, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Signed distances of moustache, goatee and whiskers; `drop` is how far the chin hangs."""
    lip = column(who.mouth_y)
    ax = x.abs()
    above = torch.minimum(
        y - column(who.nose_tip_y) - 0.15 - 0.75 * ax**2,
        lip - column(who.lip_upper) * 0.75 - y + 0.85 * ax**2,
    )
    moustache = torch.minimum(above, 0.56 - ax - 0.3 * (y - lip).clamp_min(0.0))
    under = y - lip - column(who.lip_lower + drop * 0.9) - 0.03
    goatee = torch.minimum(
        under + 0.35 * (ax - 0.12).clamp_min(0.0), 0.36 - ax - 0.9 * (y - 1.42) ** 2
    )
    # Moustache and goatee meet beside the mouth.
    beside = 0.085 - (ax - column(who.mouth_width) - 0.05 - 0.1 * (lip - y)).abs()
    beside = torch.minimum(beside, torch.minimum(y - lip + 0.12, column(who.chin) - 0.22 - y))
    goatee = torch.maximum(goatee, beside)
    cheek = y - 1.06 + 0.80 * (ax / 1.02) ** 2.2 - 0.25 * column(drop)
    mouth = (ax / column(who.mouth_width + 0.03)) ** 2 + (
        (y - lip - column(0.45 * who.lip_lower + 0.5 * drop))
        / column(0.62 * who.lip_lower + 0.045 + 0.5 * drop)
    ) ** 2
    whiskers = torch.minimum(cheek, (mouth - 1.0) * 0.18)
    return moustache, goatee, whiskers


def paint_skin(canvas: Canvas, who: Identity, zones: Tensor) -> None:
    """Give the bare skin its tone.

    Args:
        canvas: covered with the person's plain skin colour.
        who: the persons.
        zones: red, dark and freckles at each pixel, (B, 3, S, S).
    """
    red, dark, dots = zones.unbind(1)
    ox, oy = column(who.noise_offset[:, 0]), column(who.noise_offset[:, 1])
    mottle = noise(canvas.x * 0.16 + ox, canvas.y * 0.16 + oy, 0)
    tone = 1.0 + 0.11 * column(who.blotches) * mottle - 0.62 * dark.clamp(0.0, 0.8)
    flush = red * (1.0 + 0.25 * mottle)
    # Blood takes green and blue away; dark skin shows less of it.
    gain = (0.10, -0.30, -0.24)
    for channel, amount in enumerate(gain):
        canvas.albedo[:, channel] *= tone + amount * flush
    canvas.gloss *= 1.0 + 0.10 * mottle
    speckle = noise(canvas.x * 0.62 + oy, canvas.y * 0.62 + ox, 1)
    amount = smoothstep(0.55, 1.35, speckle * (0.4 + 0.75 * dots)) * column(who.freckles) * dots
    canvas.paint(who.skin_rgb * who.skin_rgb.new_tensor([0.60, 0.42, 0.34]), amount.clamp(0, 0.75))
    _paint_lines(canvas, who)


def _paint_lines(canvas: Canvas, who: Identity) -> None:
    """Lines of the forehead and beside the eyes."""
    box = canvas.window(120, 90, 392, 290)
    wave = box.y + 0.05 * box.x * box.x + 0.012 * torch.sin(box.x * 7.0)
    rows = torch.cos((wave + 0.62) * (6.2832 / 0.125)).clamp_min(0.0) ** 6
    rows = rows * torch.exp(-((box.x / 0.55) ** 4)) * smoothstep(-0.97, -0.85, box.y)
    rows = rows * smoothstep(-0.5, -0.58, box.y)
    dx, dy = box.x.abs() - column(who.eye_x) - 0.27, box.y - column(who.eye_y) - 0.01
    rays = torch.cos(torch.atan2(dy, dx.clamp_min(0.02)) * 9.0).clamp_min(0.0) ** 4
    rays = rays * smoothstep(0.0, 0.06, dx) * smoothstep(0.24, 0.1, dx)
    # Lines come late and then fast.
    depth = smoothstep(0.1, 0.9, column(who.wrinkles))
    box.shade(1.0 - (0.20 * rows + 0.22 * rays * (dy.abs() < 0.2)) * depth)


def paint_marks(canvas: Canvas, who: Identity) -> None:
    """Moles and scars."""
    cover = torch.zeros_like(canvas.x)
    for k in range(who.moles.shape[1]):
        mx, my, radius = (column(who.moles[:, k, i]) for i in range(3))
        far = ((canvas.x - mx) ** 2 + (canvas.y - my) ** 2 + 1e-9).sqrt()
        cover = torch.maximum(cover, canvas.edge(radius - far, 1.2) * (radius > 0))
    canvas.paint(who.skin_rgb * who.skin_rgb.new_tensor([0.22, 0.14, 0.12]), cover * 0.9)
    # Scars are rare, so each is painted alone.
    for index in (who.scar[:, 4] > 0).nonzero()[:, 0].tolist():
        _paint_scar(canvas.row(index), who.select(slice(index, index + 1)))


def _paint_scar(canvas: Canvas, who: Identity) -> None:
    sx, sy, ux, uy, half = (column(who.scar[:, i]) for i in range(5))
    dx, dy = canvas.x - sx, canvas.y - sy
    along, off = dx * ux + dy * uy, dx * uy - dy * ux
    along = along - along.clamp(-half, half)
    far = (along**2 + off**2 + 1e-9).sqrt()
    pale = who.skin_rgb * 0.6 + 0.22 * who.skin_rgb.new_tensor([0.95, 0.55, 0.52])
    canvas.shade(1.0 - 0.35 * canvas.edge(0.030 - far, 2.0))
    canvas.paint(pale, canvas.edge(0.014 - far, 1.2) * 0.9)


def paint_beard(canvas: Canvas, who: Identity, zones: Tensor) -> None:
    """Stubble and beard, in the zones' signed distances (B, 3, S, S)."""
    if not bool((who.stubble > 0).any()):
        return
    moustache, goatee, whiskers = zones.unbind(1)
    ox, oy = column(who.noise_offset[:, 0]), column(who.noise_offset[:, 1])
    fine = noise(canvas.x * 0.9 + ox, canvas.y * 0.45 + oy, 1)
    anywhere = torch.maximum(torch.maximum(moustache, goatee), whiskers)
    shadow = smoothstep(-0.03, 0.10, anywhere) * column(who.stubble) * (0.36 + 0.07 * fine)
    blue = who.beard_rgb * 0.5 + who.skin_rgb * 0.5 * who.skin_rgb.new_tensor([0.55, 0.62, 0.70])
    canvas.paint(blue, shadow.clamp(0.0, 0.7))
    ragged = 0.006 * fine + 0.014 * noise(canvas.x * 0.3 + ox, canvas.y * 0.3 + oy, 1)
    grown = [
        smoothstep(-0.035, 0.06, zone + ragged) * column(amount)
        for zone, amount in (
            (moustache, who.moustache), (goatee, who.goatee), (whiskers, who.whiskers),
        )
    ]  # fmt: skip
    cover = torch.maximum(torch.maximum(grown[0], grown[1]), grown[2]) * (0.93 + 0.06 * fine)
    tone = who.beard_rgb[:, :, None, None] * (1.0 + 0.22 * fine)[:, None]
    canvas.paint(tone, cover.clamp(0.0, 1.0), 0.06, "beard")

"""Hair: a shell around the skull with a face opening, strands that flow from the parting."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .identity import Identity
from .noise import noise
from .pose import Hit, Ray, meet
from .relief import column
from .shading import Lighting, diffuse, dot, unit

LEVEL = -0.30  # y where the shell is widest and turns from dome to curtain
DEPTH = 1.0  # squared ratio of depth to width
ROUNDS = 3


@dataclass
class Shell:
    """The hair's outer surface at each pixel."""

    hit: Hit
    front: Tensor  # signed distance of the hair before the face, positive inside
    behind: Tensor  # signed distance of the hair behind head and neck
    light: Tensor  # (B, 3, H, W) irradiance
    sheen: Tensor  # (B, H, W) highlight across the strands


def _width(who: Identity, y: Tensor) -> tuple[Tensor, Tensor]:
    """Squared half width of the shell at height y, and half its slope."""
    wide = 1.155 * column(who.skull_width) + column(who.hair_side)
    dome = LEVEL - column(who.crown) + column(who.hair_top)
    rise = (LEVEL - y).clamp_min(0.0) / dome
    fall = (y - LEVEL).clamp_min(0.0)
    # Long hair flares, short hair follows the narrowing skull.
    long = column(who.hair_length) > 0.5
    slope = torch.where(long, column(who.hair_flare), torch.full_like(fall, -0.10))
    # The ends turn inwards.
    tuck = (y - column(who.hair_length) + 0.45).clamp_min(0.0)
    side = (wide + slope * fall - 0.55 * tuck * tuck).clamp_min(0.3)
    # The dome is fuller than an ellipse.
    q = torch.where(y < LEVEL, wide**2 * (1.0 - rise**2.3), side**2)
    half_slope = torch.where(y < LEVEL, wide**2 * 1.15 * rise**1.3 / dome, side * slope)
    return q, half_slope


def grow_hair(who: Identity, ray: Ray, light: Lighting) -> Shell:
    """Meet the shell along each line of sight, and decide where it carries hair."""
    (x0, y0, z0), (kx, ky, kz) = ray.start, ray.way
    depth = torch.full_like(x0, 0.8)
    inside = depth
    for _ in range(ROUNDS):
        q, _ = _width(who, y0 + ky * depth)
        depth, inside = meet(ray, q, torch.full_like(q, DEPTH), 0.0)
    x, y, z = x0 + kx * depth, y0 + ky * depth, z0 + kz * depth
    _, half_slope = _width(who, y)
    outline = inside / (2.0 * 1.2)
    normal = unit(x * DEPTH, -half_slope * DEPTH, z.clamp_min(1e-3))
    one = torch.ones_like(x)
    shell = Shell(Hit(x, y, z, inside), one, one, one, one)
    shell.front = torch.minimum(outline, _opening(who, x, y))
    shell.behind = torch.minimum(outline, _ends(who, x, y))
    shell.light = diffuse(normal, light, one, (1.0 - 0.35 * (y / 1.6).clamp(0.0, 1.0)))
    shell.sheen = _sheen(who, x, y, normal, light)
    return shell


def _opening(who: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Signed distance to the hair's edge around the face, positive on hair."""
    part = column(who.hair_part)
    off = x - part
    line = column(who.hair_line) + column(who.hair_peak) * torch.exp(-((x / 0.14) ** 2))
    line = line - column(who.hair_recession) * torch.exp(-(((x.abs() - 0.55) / 0.26) ** 2))
    line = line + column(who.hair_tilt) * off
    line = line + column(who.hair_curtain) * (off * off + 0.01).sqrt() * 0.9
    # Away from the middle the hairline turns down into the temples.
    line = line + 0.55 * (x.abs() - 0.62).clamp_min(0.0) ** 1.5
    top = line - y
    # Short hair thins to the ears, long hair closes in below them.
    short = column((who.hair_length < 0.5).float())
    side = x.abs() - column(who.hair_open) + 0.14 * (y - 0.2).clamp_min(0.0)
    side = side - short * 0.30 * (y + 0.45).clamp_min(0.0)
    # Smooth union of what is above the hairline and what is beside the face.
    k = 0.30
    blend = (0.5 + 0.5 * (side - top) / k).clamp(0.0, 1.0)
    edge = torch.lerp(top, side, blend) + k * blend * (1.0 - blend)
    return torch.minimum(edge, _ends(who, x, y))


def _ends(who: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Signed distance to where the hair is cut below, rounded at the sides."""
    return column(who.hair_length) - 0.22 * (x.abs() - 0.7).clamp_min(0.0) - y


def _sheen(
    who: Identity, x: Tensor, y: Tensor, normal: tuple[Tensor, ...], light: Lighting
) -> Tensor:
    """Highlight of fibres: bright where the light's half vector is square to the strand."""
    sx, sy = x - column(who.hair_part), y - column(who.crown) + 0.5
    lean = normal[0] * sx + normal[1] * sy
    strand = unit(sx - normal[0] * lean, sy - normal[1] * lean, -normal[2] * lean)
    along = dot(strand, light.halfway)
    s = (1.0 - along * along).clamp(0.0, 1.0)
    s4 = s * s * s * s
    s16 = s4 * s4 * s4 * s4
    facing = (dot(normal, light.key) + 0.3).clamp(0.0, 1.0)
    return s16 * facing * (1.0 - 0.6 * column(who.hair_curl))


def strands(who: Identity, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fine pattern of the hair, three noises (B, S, S): locks, single strands, big clumps."""
    phase, curl = column(who.hair_phase), column(who.hair_curl)
    down = y - column(who.crown) + 0.75
    wave = 0.05 * (column(who.hair_wave) + 0.6 * curl) * torch.sin(down * 9.0 + 6.28 * phase)
    fan = (x - column(who.hair_part)) / down.clamp_min(0.3) + wave
    locks = noise(fan * 0.42 + phase, down * 0.035 + phase, 1)
    fine = noise(fan * 1.3 + phase, down * 0.09, 1)
    clumps = noise(0.28 * x + phase, 0.28 * y, 0)
    coils = noise(0.55 * fan + 0.035 * clumps, 0.14 * down + 0.035 * clumps + phase, 1)
    return torch.lerp(locks, coils, curl), fine, clumps


@dataclass
class Locks:
    """The hair at the picture's own resolution."""

    front: Tensor  # cover 0..1 before the face, (B, S, S)
    behind: Tensor  # cover 0..1 behind it
    colour: Tensor  # linear light, (B, 3, S, S)


def comb(who: Identity, maps: Tensor, pixel: float, key_rgb: Tensor) -> Locks:
    """Add strands to the enlarged shell.

    Args:
        who: the persons.
        maps: x, y, front, behind, light (3), sheen at each pixel, (B, 8, S, S).
        pixel: face units per pixel.
        key_rgb: colour of the key light, (B, 3, 1, 1).
    """
    x, y, front, behind = maps[:, :4].unbind(1)
    locks, fine, clumps = strands(who, x, y)
    curl = column(who.hair_curl)
    # Big clumps of curls catch light as a whole.
    tone = 1.0 + (0.24 - 0.10 * curl) * locks + (0.14 - 0.05 * curl) * fine + 0.16 * curl * clumps
    volume = (4.0 * column(who.hair_top)).clamp(0.1, 1.0)
    ragged = volume * (0.016 * locks + (0.012 + 0.03 * curl) * clumps)
    soft = 1.2 * pixel + (0.02 + 0.045 * curl) * volume
    worn = column(who.hair_cover)
    colour = who.hair_rgb[:, :, None, None] * (tone[:, None] * maps[:, 4:7])
    sheen_rgb = (0.10 + 0.6 * who.hair_rgb)[:, :, None, None] * key_rgb
    colour = colour + sheen_rgb * (maps[:, 7] * (0.8 + 0.45 * fine) * 0.75)[:, None]
    cover = ((front + ragged) / soft + 0.5).clamp(0.0, 1.0) * worn
    back = ((behind + ragged) / soft + 0.5).clamp(0.0, 1.0) * worn
    return Locks(cover, back, colour)

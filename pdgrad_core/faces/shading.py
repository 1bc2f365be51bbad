"""Light on surfaces: wrapped diffuse, ambient with occlusion, cast shadows and highlights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .pose import Hit, Pose
from .relief import Relief, axes, column, sample
from .view import View

# Light creeps past the terminator into skin, red furthest.
WRAP = (0.34, 0.20, 0.16)
SHADOW_STEPS = (0.10, 0.22, 0.40)


@dataclass
class Lighting:
    """The lights of each view, turned into head space."""

    key: tuple[Tensor, Tensor, Tensor]  # towards the key light, (B, 1, 1) each
    eye: tuple[Tensor, Tensor, Tensor]  # towards the viewer
    up: tuple[Tensor, Tensor, Tensor]
    halfway: tuple[Tensor, Tensor, Tensor]
    key_rgb: Tensor  # (B, 3, 1, 1)
    fill_rgb: Tensor
    rim: Tensor  # (B, 1, 1)
    softness: Tensor


def build_lighting(view: View, pose: Pose) -> Lighting:
    """The lights of a view as the head sees them."""
    direction = view.light_direction
    halfway = F.normalize(direction + direction.new_tensor([0.0, 0.0, 1.0]), dim=1)
    up = torch.zeros_like(direction)
    up[:, 1] = -1.0
    a = pose.axes
    return Lighting(
        pose.towards(direction), (a[6], a[7], a[8]), pose.towards(up), pose.towards(halfway),
        view.key_rgb[:, :, None, None], view.fill_rgb[:, :, None, None],
        column(view.rim), column(view.shadow_softness),
    )  # fmt: skip


def build_camera_lighting(view: View) -> Lighting:
    """The lights of a view in camera space, for what does not turn with the head."""
    direction = view.light_direction
    halfway = F.normalize(direction + direction.new_tensor([0.0, 0.0, 1.0]), dim=1)
    zero = torch.zeros_like(column(view.rim))
    one = zero + 1.0

    def parts(vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return column(vector[:, 0]), column(vector[:, 1]), column(vector[:, 2])

    return Lighting(
        parts(direction), (zero, zero, one), (zero, -one, zero), parts(halfway),
        view.key_rgb[:, :, None, None], view.fill_rgb[:, :, None, None],
        column(view.rim), column(view.shadow_softness),
    )  # fmt: skip


def dot(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
    """Inner product of vectors given by their components."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The vector (x, y, z) at length one."""
    scale = torch.rsqrt(x * x + y * y + z * z + 1e-8)
    return x * scale, y * scale, z * scale


def diffuse(normal: tuple[Tensor, ...], light: Lighting, seen: Tensor, open_sky: Tensor) -> Tensor:
    """Irradiance (B, 3, H, W) at a normal.

    Args:
        normal: three (B, H, W).
        light: the lights.
        seen: share of the key light that arrives, 0..1, (B, H, W).
        open_sky: share of the ambient light that arrives, 0..1, (B, H, W).
    """
    facing = dot(normal, light.key)
    # The light from behind stands above: it does not reach what faces down.
    height = dot(normal, light.up)
    sky = (0.72 + 0.28 * height) * open_sky
    back = (1.0 - dot(normal, light.eye)).clamp_min(0.0) ** 3 * light.rim
    back = back * (0.75 + height).clamp(0.0, 1.0)
    # Chest and cheeks throw key light back up at what faces down.
    bounce = 0.22 * (-height).clamp_min(0.0)
    parts = []
    for i, wrap in enumerate(WRAP):
        # Shadows keep a little of the light that has wandered inside the skin.
        lit = ((facing + wrap) / (1.0 + wrap)).clamp_min(0.0) * (seen + (1.0 - seen) * wrap * 0.45)
        parts.append(light.key_rgb[:, i] * (lit + back * 0.9 + bounce) + light.fill_rgb[:, i] * sky)
    return torch.stack(parts, dim=1)


def gleam(normal: tuple[Tensor, ...], light: Lighting, seen: Tensor) -> Tensor:
    """A broad and a narrow highlight, (B, H, W)."""
    s = dot(normal, light.halfway).clamp_min(0.0)
    s8 = s * s
    s8 = s8 * s8
    s8 = s8 * s8
    s32 = s8 * s8
    s32 = s32 * s32
    return (0.35 * s8 + 0.65 * s32) * seen


def shadow_maps(relief: Relief, light: Lighting) -> Tensor:
    """Cast shadow and occlusion over the relief's grid, (B, 2, GRID_Y, GRID_X).

    Channel 0 is the share of key light that arrives, channel 1 that of the ambient light.
    """
    x, y = axes(relief.front.device)
    front = relief.front
    lx, ly, lz = light.key
    blocked = torch.zeros_like(front)
    for step in SHADOW_STEPS:
        there = sample(front[:, None], (x + lx * step).expand_as(front), y + ly * step + 0 * front)
        over = (there[:, 0] - front - lz * step) / (step * (0.28 + 0.5 * light.softness))
        blocked = torch.maximum(blocked, over)
    seen = 1.0 - blocked.clamp(0.0, 1.0) * (0.95 - 0.25 * light.softness)
    blurred = F.avg_pool2d(front[:, None], (9, 1), 1, (4, 0), count_include_pad=False)
    blurred = F.avg_pool2d(blurred, (1, 9), 1, (0, 4), count_include_pad=False)[:, 0]
    sky = (1.0 - 3.2 * (blurred - front).clamp_min(0.0)).clamp(0.35, 1.0)
    return torch.stack((seen, sky), dim=1)


@dataclass
class Lit:
    """Light on the head at each pixel."""

    irradiance: Tensor  # (B, 3, H, W)
    gleam: Tensor  # (B, H, W)
    normal: tuple[Tensor, Tensor, Tensor]
    extra: Tensor  # further maps that were read with the same look-up, (B, C, H, W)


def light_head(hit: Hit, relief: Relief, light: Lighting, extra: Tensor) -> Lit:
    """Light the head where it was met.

    Args:
        hit: where each pixel meets the head.
        relief: the head's shape.
        light: the lights.
        extra: further maps over the relief's grid to read, (B, C, GRID_Y, GRID_X).
    """
    maps = torch.cat((relief.shape[:, 1:], relief.slopes, shadow_maps(relief, light), extra), 1)
    q, r, bx, by, qy, ry, seen, sky, *rest = sample(maps, hit.x, hit.y).unbind(1)
    z = hit.z.clamp_min(1e-3)
    normal = unit(hit.x * r - z * bx, 0.5 * (hit.x**2 - q) * ry - 0.5 * qy * r - z * by, z)
    return Lit(
        diffuse(normal, light, seen, sky), gleam(normal, light, seen), normal, torch.stack(rest, 1)
    )

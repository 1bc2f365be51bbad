"""Where a posed head meets each pixel: rotation, alignment to the template, intersection."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .identity import Identity
from .relief import Relief, column, sample
from .view import View

# Five landmarks of the aligned template in face units: eyes, nose, mouth corners; the points
# (193, 240), (319, 240), (256.5, 314), (201, 371), (313, 371) of 512.
TEMPLATE = (
    (-0.492, -0.125),
    (0.492, -0.125),
    (0.004, 0.453),
    (-0.4297, 0.8985),
    (0.4453, 0.8985),
)
ROUNDS = 5


@dataclass
class Pose:
    """A head's rotation and its way into the picture."""

    axes: tuple[Tensor, ...]  # the nine entries of camera = R head, each (B, 1, 1)
    linear: Tensor  # (B, 2, 2) of picture = linear @ camera + shift
    shift: Tensor  # (B, 2)
    landmarks: Tensor  # (B, 5, 2) in the picture, face units

    def towards(self, direction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A camera-space direction (B, 3) in head space, three (B, 1, 1)."""
        a = self.axes
        dx, dy, dz = (column(direction[:, i]) for i in range(3))
        x, y, z = (a[i] * dx + a[3 + i] * dy + a[6 + i] * dz for i in range(3))
        return x, y, z

    def camera(self, size: int) -> tuple[Tensor, Tensor]:
        """Camera coordinates of the pixel centres of a size x size picture, (B, size, size)."""
        device = self.shift.device
        step = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (4.0 / size) - 2.0
        inverse = torch.linalg.inv(self.linear)
        u = step.view(1, 1, -1) - column(self.shift[:, 0])
        v = step.view(1, -1, 1) - column(self.shift[:, 1])
        return (
            column(inverse[:, 0, 0]) * u + column(inverse[:, 0, 1]) * v,
            column(inverse[:, 1, 0]) * u + column(inverse[:, 1, 1]) * v,
        )

    def project(self, points: Tensor) -> Tensor:
        """Head points (B, N, 3) in the picture, (B, N, 2)."""
        return _project(self.axes, points) @ self.linear.transpose(1, 2) + self.shift[:, None]


def _project(axes: tuple[Tensor, ...], points: Tensor) -> Tensor:
    x, y, z = points.unbind(-1)
    a = [entry[:, :, 0] for entry in axes]
    return torch.stack((a[0] * x + a[1] * y + a[2] * z, a[3] * x + a[4] * y + a[5] * z), dim=-1)


def mouth_corners(who: Identity, view: View) -> tuple[Tensor, Tensor]:
    """Half width of the mouth and the height y of its corners, each (B,)."""
    half = who.mouth_width * (1 + 0.20 * view.smile - 0.12 * view.mouth_open)
    lift = who.lip_curve + 0.085 * view.smile
    return half, who.mouth_y - lift + 0.10 * view.mouth_open


def _landmarks(who: Identity, view: View, relief: Relief) -> Tensor:
    half, corner_y = mouth_corners(who, view)
    x = torch.stack((-who.eye_x, who.eye_x, who.nose_bend, -half, half), dim=1)
    y = torch.stack((who.eye_y, who.eye_y, who.nose_tip_y, corner_y, corner_y), dim=1)
    z = sample(relief.front[:, None], x[:, None], y[:, None])[:, 0, 0]
    return torch.stack((x, y, z), dim=-1)


def build_pose(who: Identity, view: View, relief: Relief) -> Pose:
    """Rotate the head, then fit its five landmarks to the template by a similarity.

    Roll is undone by that fit, so it is seen in the shoulders and the light instead.
    """
    cy, sy = view.yaw.cos(), view.yaw.sin()
    cp, sp = view.pitch.cos(), view.pitch.sin()
    zero = torch.zeros_like(cy)
    # Pitch after yaw; y points down, so a positive pitch lowers the nose.
    rows = (cy, zero, sy, -sp * sy, cp, sp * cy, -cp * sy, -sp, cp * cy)
    axes = tuple(column(row) for row in rows)
    seen = _project(axes, _landmarks(who, view, relief))
    target = seen.new_tensor(TEMPLATE)
    linear, shift = _similarity(seen, target.expand_as(seen))
    scale = view.jitter[:, 2].exp()
    cos, sin = view.jitter[:, 3].cos() * scale, view.jitter[:, 3].sin() * scale
    wobble = torch.stack((cos, -sin, sin, cos), dim=1).view(-1, 2, 2)
    linear = wobble @ linear
    shift = (wobble @ shift[:, :, None])[:, :, 0] + view.jitter[:, :2]
    points = seen @ linear.transpose(1, 2) + shift[:, None]
    return Pose(axes, linear, shift, points)


def _similarity(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares rotation, scale and shift from source to target points (B, N, 2)."""
    s_mean, t_mean = source.mean(1), target.mean(1)
    s, t = source - s_mean[:, None], target - t_mean[:, None]
    power = (s**2).sum((1, 2))
    a = (s * t).sum((1, 2)) / power
    b = (s[..., 0] * t[..., 1] - s[..., 1] * t[..., 0]).sum(1) / power
    linear = torch.stack((a, -b, b, a), dim=1).view(-1, 2, 2)
    return linear, t_mean - (linear @ s_mean[:, :, None])[:, :, 0]


@dataclass
class Ray:
    """Points of the picture as lines in head space: start + depth * way."""

    start: tuple[Tensor, Tensor, Tensor]
    way: tuple[Tensor, Tensor, Tensor]


def cast_rays(pose: Pose, size: int) -> Ray:
    """The line of sight of every pixel of a size x size picture."""
    u, v = pose.camera(size)
    a = pose.axes
    x, y, z = (a[i] * u + a[3 + i] * v for i in range(3))
    return Ray((x, y, z), (a[6], a[7], a[8]))


def meet(ray: Ray, q: Tensor, r: Tensor, b: Tensor | float) -> tuple[Tensor, Tensor]:
    """Depth where rays meet x^2 r + (z - b)^2 = Q r, and the sign function of the silhouette."""
    (x0, _, z0), (kx, _, kz) = ray.start, ray.way
    z0 = z0 - b
    first = r * kx
    a = first * kx + kz * kz
    half = first * x0 + kz * z0
    rest = (x0 * x0 - q) * r + z0 * z0
    inside = half * half - a * rest
    return (inside.clamp_min(0.0).sqrt() - half) / a, inside


@dataclass
class Hit:
    """Where each pixel meets the head; beyond its silhouette the values run on smoothly."""

    x: Tensor
    y: Tensor
    z: Tensor  # of the smooth head, without the relief
    inside: Tensor  # > 0 within the silhouette


def meet_head(ray: Ray, relief: Relief) -> Hit:
    """Follow each line of sight to the head's surface by fixed-point iteration."""
    (x0, y0, z0), (kx, ky, kz) = ray.start, ray.way
    # Start from a depth that suits the middle of the face.
    depth = torch.full_like(x0, 0.9)
    inside = depth
    b = depth
    for _ in range(ROUNDS):
        b, q, r = sample(relief.shape, x0 + kx * depth, y0 + ky * depth).unbind(1)
        depth, inside = meet(ray, q, r, b)
    return Hit(x0 + kx * depth, y0 + ky * depth, z0 + kz * depth - b, inside)

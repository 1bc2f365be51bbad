"""How a drawn person is seen: pose, expression, light, background, clothes and focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .draws import Array, Draws, Parameters, as_tensor, palette

BOKEH = 7

CLOTH = (
    (28, 30, 36), (60, 70, 90), (40, 66, 120), (120, 30, 40), (200, 196, 188), (232, 232, 236),
    (70, 100, 70), (190, 150, 90), (110, 80, 120), (170, 70, 50), (120, 150, 170), (60, 50, 46),
)  # fmt: skip
BACKDROP = (
    (44, 50, 62), (98, 120, 138), (150, 184, 208), (214, 212, 204), (150, 112, 82), (78, 118, 84),
    (196, 132, 100), (70, 88, 150), (236, 236, 238), (146, 160, 118), (122, 74, 90),
    (210, 186, 132), (86, 140, 150), (206, 120, 120),
)  # fmt: skip


@dataclass
class View(Parameters):
    """Parameters of B views, each field (B,) unless a shape is given."""

    yaw: Tensor  # radians, positive turns the face to the image's right, -0.44..0.44
    pitch: Tensor  # radians, positive looks down, -0.26..0.26
    roll: Tensor  # radians, the head's tilt against the shoulders, -0.18..0.18
    smile: Tensor  # -0.3..1
    mouth_open: Tensor  # 0..1
    brow_raise: Tensor  # -1 frown .. 1 raised
    eye_open: Tensor  # 0 closed .. 1.2 wide
    gaze: Tensor  # (B, 2), 0 looks into the camera, -1..1
    light_direction: Tensor  # (B, 3) unit vector towards the key light: right, down, to the viewer
    key_rgb: Tensor  # (B, 3) colour times strength of the key light
    fill_rgb: Tensor  # (B, 3) ambient light
    shadow_softness: Tensor  # 0 hard .. 1 soft
    rim: Tensor  # strength of a light from behind, 0..1
    exposure: Tensor  # factor
    backdrop: Tensor  # 0 gradient, 1 blurred lights, 2 two-tone
    backdrop_rgb: Tensor  # (B, 2, 3)
    backdrop_angle: Tensor  # radians
    backdrop_spots: Tensor  # (B, 7, 4): x, y, radius, strength
    cloth: Tensor  # 0 crew neck, 1 V-neck, 2 collar, 3 high neck
    cloth_rgb: Tensor  # (B, 2, 3)
    focus_px: Tensor  # blur, standard deviation in px of the 64 px picture, 0..0.6
    jitter: Tensor  # (B, 4): shift x, shift y (face units), log scale, rotation (radians)


def sample_views(seeds: Sequence[int], jitter: float = 1.0) -> View:
    """Draw one view per seed; the same seed gives the same view on every machine.

    Args:
        seeds: integers >= 0.
        jitter: how far the framing may leave the template; 1 is about 1 px at 64 px, 0 none.

    Raises:
        InvalidInputError: an empty list or a negative seed.
    """
    draws = Draws(seeds, stream=2)
    values: dict[str, Array] = {}
    _draw_pose(draws, values)
    _draw_light(draws, values)
    _draw_surroundings(draws, values)
    shifts = [draws.bell(0.0, sd) for sd in (0.018, 0.018, 0.012, 0.01)]
    values["jitter"] = jitter * np.stack(shifts, axis=1)
    return View(**{name: as_tensor(value) for name, value in values.items()})


def sample_view(seed: int, jitter: float = 1.0) -> View:
    """The view of one seed, as a `View` of one row."""
    return sample_views([seed], jitter)


def neutral_views(count: int) -> View:
    """Frontal, calm, evenly lit views, for portraits that are to be compared."""
    views = sample_views([0] * count, jitter=0.0)
    for name in ("yaw", "pitch", "roll", "smile", "mouth_open", "brow_raise", "rim", "backdrop"):
        getattr(views, name).zero_()
    views.gaze.zero_()
    views.focus_px.zero_()
    views.eye_open.fill_(1.0)
    views.exposure.fill_(1.0)
    views.shadow_softness.fill_(0.7)
    views.light_direction[:] = as_tensor(np.array([-0.35, -0.45, 0.82]))
    views.key_rgb.fill_(0.85)
    views.fill_rgb.fill_(0.42)
    views.backdrop_rgb[:] = as_tensor(np.array([[0.30, 0.34, 0.38], [0.14, 0.16, 0.19]]))
    views.backdrop_angle.fill_(1.2)
    views.cloth.zero_()
    views.cloth_rgb[:] = as_tensor(np.array([[0.06, 0.08, 0.13], [0.6, 0.6, 0.6]]))
    return views


def _draw_pose(draws: Draws, out: dict[str, Array]) -> None:
    out["yaw"] = np.clip(draws.bell(0.0, 0.2), -0.44, 0.44)
    out["pitch"] = np.clip(draws.bell(0.0, 0.1), -0.26, 0.26)
    out["roll"] = np.clip(draws.bell(0.0, 0.075), -0.18, 0.18)
    happy = draws.chance(0.55)
    out["smile"] = happy * draws.uniform(0.2, 1.0) + (1 - happy) * draws.uniform(-0.3, 0.2)
    talking = draws.chance(0.3)
    grin = np.clip(out["smile"] - 0.45, 0.0, 1.0) * draws.uniform(0.0, 0.8)
    out["mouth_open"] = np.clip(talking * draws.unit() ** 1.5 * 0.9 + grin, 0.0, 1.0)
    out["brow_raise"] = np.clip(draws.bell(0.0, 0.35), -1.0, 1.0)
    closed = draws.chance(0.04)
    awake = np.clip(draws.bell(1.0, 0.1) - 0.22 * np.clip(out["smile"], 0, 1), 0.5, 1.2)
    out["eye_open"] = np.where(closed > 0, draws.uniform(0.0, 0.2), awake)
    away = draws.chance(0.35)[:, None]
    glance = np.stack([draws.uniform(-1.0, 1.0), draws.uniform(-0.6, 0.6)], axis=1)
    out["gaze"] = away * glance


def _draw_light(draws: Draws, out: dict[str, Array]) -> None:
    azimuth = np.clip(draws.bell(0.0, 0.62), -1.3, 1.3)
    height = np.clip(draws.bell(0.5, 0.3), -0.25, 1.15)
    direction = [np.sin(azimuth) * np.cos(height), -np.sin(height)]
    direction.append(np.cos(azimuth) * np.cos(height))
    out["light_direction"] = np.stack(direction, axis=1)
    warm = draws.bell(0.0, 1.0)[:, None]
    tint = 1.0 + np.clip(warm, -2, 2) * np.array([0.05, 0.0, -0.07])
    contrast = draws.uniform(0.15, 1.0)
    out["key_rgb"] = tint * (0.55 + 0.5 * contrast)[:, None]
    shade = 1.0 - 0.6 * np.clip(warm, -2, 2) * np.array([0.05, 0.0, -0.07])
    out["fill_rgb"] = shade * (0.60 - 0.40 * contrast)[:, None]
    out["shadow_softness"] = draws.unit()
    out["rim"] = draws.chance(0.35) * draws.unit()
    out["exposure"] = np.clip(draws.bell(1.0, 0.12), 0.7, 1.35)


def _draw_surroundings(draws: Draws, out: dict[str, Array]) -> None:
    out["backdrop"] = draws.choice([0.4, 0.35, 0.25]).astype(np.float64)
    tones = [palette(BACKDROP, draws.unit()) * draws.uniform(0.6, 1.1)[:, None] for _ in range(2)]
    out["backdrop_rgb"] = np.clip(np.stack(tones, axis=1), 0.0, 1.0) ** 2
    out["backdrop_angle"] = draws.uniform(0.0, 2.0 * np.pi)
    spots = [
        np.stack(
            [
                draws.uniform(-2.2, 2.2),
                draws.uniform(-2.2, 1.8),
                draws.uniform(0.15, 0.6),
                draws.uniform(-0.4, 1.0),
            ],
            axis=1,
        )
        for _ in range(BOKEH)
    ]
    out["backdrop_spots"] = np.stack(spots, axis=1)
    out["cloth"] = draws.choice([0.35, 0.2, 0.28, 0.17]).astype(np.float64)
    cloth = np.asarray(CLOTH)[draws.choice([1.0] * len(CLOTH))] / 255.0
    second = np.asarray(CLOTH)[draws.choice([1.0] * len(CLOTH))] / 255.0
    brightness = draws.uniform(0.8, 1.15)[:, None]
    out["cloth_rgb"] = np.clip(np.stack([cloth * brightness, second], axis=1), 0.0, 1.0) ** 2
    blurred = draws.chance(0.3)
    out["focus_px"] = blurred * draws.uniform(0.15, 0.6)

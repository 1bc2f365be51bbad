"""How bodies vary: the draws of skull, skin, eyes, nose and mouth.

Each function reads further columns of the draws and adds fields of `Identity`; a name that
starts with an underscore is only passed on to the next ones.
"""

from __future__ import annotations

import numpy as np

from .draws import Array, Draws, palette

SKIN = (
    (255, 226, 208), (244, 204, 176), (228, 178, 142), (203, 147, 106),
    (176, 120, 84), (140, 92, 64), (108, 71, 52),
)  # fmt: skip
IRIS = ((50, 30, 20), (86, 52, 28), (124, 92, 44), (96, 124, 62), (74, 126, 168), (128, 150, 160))


def draw_person(draws: Draws, out: dict[str, Array]) -> None:
    """Age, and how masculine the features are."""
    out["age"] = 18 + 64 * draws.unit() ** 1.35
    man = draws.chance(0.5)
    out["masculine"] = np.clip(man * 0.66 + 0.17 + draws.bell(0.0, 0.1), 0.0, 1.0)
    out["_old"] = np.clip((out["age"] - 35.0) / 40.0, 0.0, 1.0)
    out["noise_offset"] = np.stack([draws.unit(), draws.unit()], axis=1)


def draw_skull(draws: Draws, out: dict[str, Array]) -> None:
    """Outline of skull, cheeks, jaw and chin."""
    man, old = out["masculine"], out["_old"]
    out["crown"] = draws.bell(-1.69, 0.05)
    out["chin"] = draws.bell(1.64, 0.065) + 0.06 * (man - 0.5)
    out["skull_width"] = draws.bell(1.0, 0.022)
    out["cheek_width"] = 1.0 + 0.7 * (out["skull_width"] - 1.0) + draws.bell(0.0, 0.022)
    out["jaw_width"] = (
        out["cheek_width"] + draws.bell(-0.01, 0.036) + 0.08 * (man - 0.5) + 0.03 * old
    )
    out["chin_width"] = out["jaw_width"] + draws.bell(-0.03, 0.075) + 0.16 * (man - 0.5)
    out["chin_forward"] = draws.bell(0.10, 0.045) + 0.05 * (man - 0.5)
    out["chin_cleft"] = 0.05 * draws.chance(0.15 + 0.15 * man) * draws.uniform(0.6, 1.2)
    out["cheekbone"] = draws.bell(0.09, 0.035)
    out["cheek_fat"] = draws.bell(0.02, 0.055) - 0.03 * old
    out["brow_ridge"] = np.maximum(draws.bell(0.045, 0.02) + 0.08 * (man - 0.5), 0.0)


def draw_skin(draws: Draws, out: dict[str, Array]) -> None:
    """Tone, freckles, moles, scars and lines of age."""
    old = out["_old"]
    melanin = draws.unit() ** 1.3
    pink = draws.bell(0.0, 1.0)[:, None]
    rgb = palette(SKIN, melanin) * (1.0 + pink * np.array([0.006, -0.016, -0.004]))
    olive = draws.bell(0.0, 1.0)[:, None] * np.array([0.0, 0.004, -0.024])
    out["skin_rgb"] = np.clip(rgb * (1.0 + olive), 0.0, 1.0) ** 2
    out["skin_melanin"] = melanin
    out["skin_red"] = np.clip(draws.bell(0.30, 0.16) - 0.15 * melanin, 0.05, 1.0)
    out["blotches"] = np.clip(draws.bell(0.30, 0.15) + 0.35 * old, 0.05, 1.0)
    fair = np.clip(1.0 - 2.2 * melanin, 0.0, 1.0)
    out["freckles"] = draws.chance(0.08 + 0.42 * fair) * draws.uniform(0.35, 1.0)
    out["wrinkles"] = np.clip(old * draws.uniform(0.7, 1.15), 0.0, 1.0)
    moles = [
        np.stack(
            [
                draws.uniform(-0.8, 0.8),
                draws.uniform(-0.75, 1.35),
                draws.chance(0.35) * draws.uniform(0.020, 0.036),
            ],
            axis=1,
        )
        for _ in range(3)
    ]
    out["moles"] = np.stack(moles, axis=1)
    side = 2.0 * draws.chance(0.5) - 1.0
    across, down = draws.uniform(-0.6, 0.6), draws.uniform(0.6, 1.0)
    norm = np.sqrt(across**2 + down**2)
    half = draws.chance(0.07) * draws.uniform(0.10, 0.24)
    x, y = side * draws.uniform(0.35, 0.8), draws.uniform(-0.7, 1.1)
    out["scar"] = np.stack([x, y, across / norm, down / norm, half], axis=1)


def draw_eyes(draws: Draws, out: dict[str, Array]) -> None:
    """Eyes, lids, irises and brows."""
    man, old = out["masculine"], out["_old"]
    out["eye_x"] = draws.bell(0.492, 0.022)
    out["eye_y"] = draws.bell(-0.125, 0.02)
    out["eye_width"] = draws.bell(0.262, 0.017) - 0.016 * (man - 0.5)
    out["eye_height"] = np.clip(draws.bell(0.228, 0.028) - 0.05 * man - 0.03 * old, 0.12, 0.28)
    out["eye_tilt"] = draws.bell(0.07, 0.075) - 0.05 * old
    out["eye_depth"] = np.clip(draws.bell(0.135, 0.04) + 0.06 * (man - 0.5), 0.03, 0.3)
    out["eye_bags"] = np.clip(draws.bell(0.15, 0.18) + 0.5 * old, 0.0, 1.0)
    out["lid_crease"] = np.clip(draws.bell(0.06, 0.02), 0.02, 0.12)
    out["lid_depth"] = np.where(draws.chance(0.2) > 0, 0.1, draws.uniform(0.4, 1.0))
    out["lashes"] = np.clip(draws.bell(0.85, 0.25) - 0.6 * man, 0.1, 1.3)
    fair = np.clip(1.0 - 1.9 * out["skin_melanin"], 0.0, 1.0)
    weights = [np.ones_like(fair), 0.9 + 0 * fair, 0.15 + fair, 0.6 * fair, 1.3 * fair, 0.5 * fair]
    tint = np.asarray(IRIS)[draws.choice(np.stack(weights, axis=1))] / 255.0
    out["iris_rgb"] = np.clip(tint * draws.uniform(0.85, 1.2)[:, None], 0.0, 1.0) ** 2
    out["iris_radius"] = draws.bell(0.103, 0.005)
    out["brow_y"] = draws.bell(-0.43, 0.035) + 0.06 * (man - 0.5)
    out["brow_gap"] = draws.bell(0.19, 0.035)
    out["brow_length"] = draws.bell(0.64, 0.05)
    out["brow_thickness"] = np.clip(draws.bell(0.060, 0.015) + 0.03 * (man - 0.5), 0.03, 0.105)
    out["brow_arch"] = draws.bell(0.06, 0.04) - 0.03 * (man - 0.5)
    out["brow_tilt"] = draws.bell(-0.03, 0.065)
    out["brow_density"] = np.clip(draws.bell(0.82, 0.14), 0.3, 1.0)


def draw_nose(draws: Draws, out: dict[str, Array]) -> None:
    """Ridge, tip and wings."""
    man, dark = out["masculine"], out["skin_melanin"]
    out["nose_tip_y"] = draws.bell(0.44, 0.05)
    out["nose_width"] = np.clip(
        draws.bell(0.24, 0.028) + 0.035 * (man - 0.5) + 0.06 * (dark - 0.4), 0.16, 0.36
    )
    out["nose_bridge"] = np.clip(draws.bell(0.095, 0.015) + 0.02 * (dark - 0.4), 0.06, 0.15)
    out["nose_height"] = np.clip(draws.bell(0.42, 0.06) + 0.08 * (man - 0.5), 0.26, 0.58)
    out["nose_root"] = np.clip(draws.bell(0.17, 0.045) - 0.05 * (dark - 0.4), 0.05, 0.3)
    out["nose_hump"] = draws.bell(0.0, 0.035) + 0.02 * (man - 0.5)
    out["nose_bulb"] = np.clip(draws.bell(0.12, 0.022), 0.07, 0.18)
    out["nose_bend"] = draws.bell(0.0, 0.015)


def draw_mouth(draws: Draws, out: dict[str, Array]) -> None:
    """Mouth, lips and ears."""
    man, old, dark = out["masculine"], out["_old"], out["skin_melanin"]
    out["mouth_y"] = draws.bell(0.90, 0.03)
    out["mouth_width"] = draws.bell(0.425, 0.04)
    full = draws.bell(0.0, 0.8) + 0.9 * (dark - 0.4) - 0.7 * (man - 0.5) - 0.6 * old
    out["lip_upper"] = np.clip(0.085 + 0.024 * full + draws.bell(0.0, 0.008), 0.03, 0.15)
    out["lip_lower"] = np.clip(0.118 + 0.028 * full + draws.bell(0.0, 0.010), 0.05, 0.19)
    out["lip_cupid"] = np.clip(draws.bell(0.35, 0.2), 0.0, 0.9)
    out["lip_curve"] = draws.bell(0.012, 0.02) - 0.015 * old
    natural = np.sqrt(out["skin_rgb"]) * np.array([0.89, 0.64, 0.64])
    made_up = palette(((196, 60, 72), (150, 30, 46), (206, 92, 96), (120, 40, 60)), draws.unit())
    amount = draws.chance(0.6 * (man < 0.5)) * draws.uniform(0.25, 0.85)
    out["lip_rgb"] = (natural + (made_up - natural) * amount[:, None]) ** 2
    out["ear_size"] = draws.bell(0.30, 0.03) + 0.03 * old
    out["ear_out"] = np.clip(draws.bell(0.10, 0.045), 0.02, 0.25)

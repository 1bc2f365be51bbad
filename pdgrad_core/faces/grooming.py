"""How people wear themselves: the draws of hair, beard and glasses."""

from __future__ import annotations

import numpy as np

from .draws import Array, Draws

HAIR = (
    (30, 27, 28), (52, 36, 28), (82, 54, 36), (122, 82, 50), (104, 44, 26),
    (160, 84, 48), (190, 150, 92), (226, 200, 150), (150, 148, 148), (228, 226, 222),
)  # fmt: skip
DYED = ((196, 70, 120), (52, 92, 170), (40, 140, 120), (120, 60, 150), (190, 30, 40))
RIMS = ((20, 20, 24), (70, 40, 24), (150, 120, 60), (150, 154, 160), (130, 26, 34), (40, 60, 120))


def draw_hair_colour(draws: Draws, out: dict[str, Array]) -> Array:
    """Colour of hair, brows and beard; returns the hair style, 0..6, (B,)."""
    man, dark, age = out["masculine"], out["skin_melanin"], out["age"]
    fair = np.clip(1.0 - 1.7 * dark, 0.0, 1.0)
    one = np.ones_like(fair)
    grey = np.clip((age - 45.0) / 14.0, 0.0, 3.0)
    weights = [
        0.4 * one + 1.5 * dark, 1.2 * one, 0.9 * fair + 0.35, 0.9 * fair, 0.5 * fair + 0.05,
        0.55 * fair, 0.9 * fair, 0.8 * fair, grey, 0.7 * grey,
    ]  # fmt: skip
    index = draws.choice(np.stack(weights, axis=1))
    rgb = np.asarray(HAIR)[index] / 255.0
    rgb = np.clip(rgb * draws.uniform(0.85, 1.15)[:, None], 0.0, 1.0)
    out["brow_rgb"] = np.clip(np.minimum(rgb * 0.72, 0.52) * np.array([1.0, 0.94, 0.9]), 0, 1) ** 2
    out["beard_rgb"] = (rgb * 0.85) ** 2
    dyed = (draws.chance(0.06) * (age < 55))[:, None]
    dye = np.asarray(DYED)[draws.choice([1.0] * len(DYED))] / 255.0
    out["hair_rgb"] = (rgb + (dye - rgb) * dyed) ** 2
    # Styles: 0 bald, 1 buzz, 2 short, 3 quiff, 4 bob, 5 long, 6 big and curly.
    him, her = man > 0.5, man <= 0.5
    old = out["_old"]
    table = [
        him * (0.06 + 0.5 * old), 0.05 + him * 0.35 + 0.1 * dark, 0.12 + him * 0.9, him * 0.7,
        her * 0.9 + 0.03, her * (1.2 - 0.6 * old) + 0.1, 0.12 + 0.5 * dark,
    ]  # fmt: skip
    return draws.choice(np.stack(table, axis=1)).astype(np.float64)


def draw_hair_shape(draws: Draws, out: dict[str, Array], style: Array) -> None:
    """Volume, length, hairline, fringe and curl of a style."""
    index = style.astype(np.int64)

    def by_style(*values: float) -> Array:
        return np.asarray(values)[index]

    man, old = out["masculine"], out["_old"]
    curly = draws.chance(0.25 + 0.3 * out["skin_melanin"])
    out["hair_cover"] = by_style(0.0, 0.75, 1, 1, 1, 1, 1)
    out["hair_line"] = draws.bell(-1.02, 0.07) + by_style(0, 0, 0, -0.02, 0, 0, -0.02)
    receding = draws.unit() ** 2 * (0.12 + 0.45 * old * man)
    out["hair_recession"] = np.clip(receding + 0.05, 0.0, 0.5)
    out["hair_peak"] = np.clip(draws.bell(0.02, 0.05), 0.0, 0.2)
    top = by_style(0.02, 0.03, 0.13, 0.26, 0.17, 0.16, 0.34)
    out["hair_top"] = top * draws.uniform(0.75, 1.25)
    side = by_style(0.01, 0.015, 0.06, 0.04, 0.14, 0.12, 0.32)
    out["hair_side"] = side * draws.uniform(0.7, 1.35)
    length = by_style(-0.1, 0.0, 0.12, 0.08, 1.2, 2.6, 0.95)
    spread = by_style(0.08, 0.06, 0.14, 0.1, 0.4, 0.6, 0.6)
    out["hair_length"] = length + spread * draws.uniform(-1.0, 1.0)
    out["hair_flare"] = by_style(0, 0, 0, 0, 0.05, 0.06, 0.03) * draws.uniform(-1.6, 1.2)
    out["hair_open"] = draws.bell(0.0, 0.05) + by_style(1.06, 1.04, 1.02, 1.04, 0.95, 0.95, 0.98)
    out["hair_part"] = draws.chance(0.65) * draws.uniform(0.15, 0.5)
    out["hair_part"] *= 2.0 * draws.chance(0.5) - 1.0
    # The fringe: none, straight across, swept to one side, or a curtain from the parting.
    soft = np.isin(index, (4, 5))
    short = np.isin(index, (2, 6))
    kind = draws.choice(
        np.stack([0.3 + 0 * old, 0.35 * soft + 0.25 * short, 0.3 + 0 * old, 0.8 * soft], axis=1)
    )
    kind = np.where(np.isin(index, (0, 1, 3)), 0, kind)
    out["hair_line"] += np.asarray((0.0, 0.46, 0.14, -0.06))[kind] * draws.uniform(0.8, 1.15)
    out["hair_recession"] *= np.asarray((1.0, 0.0, 0.3, 0.0))[kind]
    swing = np.where(out["hair_part"] >= 0, -1.0, 1.0) * draws.uniform(0.15, 0.45)
    out["hair_tilt"] = swing * np.asarray((0.1, 0.1, 1.0, 0.1))[kind]
    out["hair_curtain"] = np.asarray((0, 0, 0.1, 1.0))[kind] * draws.uniform(0.35, 0.95)
    curl = np.where(curly > 0, draws.uniform(0.35, 1.0), draws.uniform(0.0, 0.25))
    out["hair_curl"] = np.where(index == 6, np.maximum(curl, 0.65), curl)
    out["hair_wave"] = draws.unit() * draws.unit()
    out["hair_phase"] = draws.unit()


def draw_beard(draws: Draws, out: dict[str, Array]) -> None:
    """Stubble and beard."""
    man = (out["masculine"] > 0.5).astype(np.float64)
    # Shaved, stubble, moustache, goatee, full beard.
    kind = draws.choice([0.42, 0.16, 0.1, 0.12, 0.2])
    table = np.asarray(
        ((0, 0, 0, 0.25), (0, 0, 0, 1), (1, 0, 0, 0.4), (1, 1, 0, 0.5), (1, 1, 1, 1))
    )
    rows = table[kind] * man[:, None] * draws.uniform(0.75, 1.0)[:, None]
    out["moustache"], out["goatee"] = rows[:, 0], rows[:, 1]
    out["whiskers"], out["stubble"] = rows[:, 2], rows[:, 3] * draws.uniform(0.4, 1.0)
    out["beard_length"] = draws.unit() * rows[:, 2] * 0.3 + 0.05 * rows[:, 1]


def draw_glasses(draws: Draws, out: dict[str, Array]) -> None:
    """Glasses, and whether they are worn."""
    out["glasses"] = draws.chance(0.14 + 0.2 * out["_old"])
    size = np.stack([draws.uniform(0.33, 0.43), draws.uniform(0.24, 0.38)], axis=1)
    out["glasses_size"] = size
    out["glasses_power"] = draws.uniform(2.0, 5.5)
    out["glasses_rim"] = draws.uniform(0.014, 0.045)
    out["glasses_tilt"] = draws.bell(0.0, 0.05)
    out["glasses_tint"] = draws.chance(0.15) * draws.uniform(0.2, 0.7)
    index = draws.choice([4.0, 2.0, 1.5, 1.5, 0.7, 0.7])
    out["glasses_rgb"] = (np.asarray(RIMS)[index] / 255.0) ** 2

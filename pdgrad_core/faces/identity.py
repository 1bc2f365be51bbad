"""Who a drawn person is: the parameters that stay when pose, light and expression change.

Lengths are in face units: 1 unit is 128 px of the 512 px template, so that the frame spans
-2..2 with y downwards, the eyes lie at (-0.49, -0.125) and (0.49, -0.125), the mouth at (0, 0.9).
Colours are linear-light RGB in 0..1 (the square of the displayed value).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .anatomy import draw_eyes, draw_mouth, draw_nose, draw_person, draw_skin, draw_skull
from .draws import Array, Draws, Parameters, as_tensor
from .grooming import draw_beard, draw_glasses, draw_hair_colour, draw_hair_shape


@dataclass
class Identity(Parameters):
    """Parameters of B persons, each field (B,) unless a shape is given."""

    age: Tensor  # years, 18..82
    masculine: Tensor  # 0..1
    skin_rgb: Tensor  # (B, 3)
    skin_melanin: Tensor  # 0..1
    skin_red: Tensor  # redness of cheeks and nose, 0..1
    blotches: Tensor  # uneven tone, 0..1
    freckles: Tensor  # 0 none .. 1 dense
    noise_offset: Tensor  # (B, 2) where this person's noise is read
    moles: Tensor  # (B, 3, 3): x, y, radius; radius 0 is none
    scar: Tensor  # (B, 5): x, y, direction x, direction y, half length; 0 is none
    wrinkles: Tensor  # 0..1
    crown: Tensor  # y of the top of the skull
    chin: Tensor  # y of the chin
    skull_width: Tensor  # factor on the upper head
    cheek_width: Tensor  # factor at the cheeks
    jaw_width: Tensor  # factor at the jaw
    chin_width: Tensor  # factor at the chin
    chin_forward: Tensor
    chin_cleft: Tensor
    cheekbone: Tensor
    cheek_fat: Tensor
    brow_ridge: Tensor
    eye_x: Tensor  # half the distance between the eyes
    eye_y: Tensor
    eye_width: Tensor  # half width
    eye_height: Tensor  # opening when relaxed
    eye_tilt: Tensor  # slope, positive lifts the outer corner
    eye_depth: Tensor
    eye_bags: Tensor
    lid_crease: Tensor  # distance of the crease above the lash line
    lid_depth: Tensor  # strength of the crease; near 0 is a single lid
    lashes: Tensor
    iris_rgb: Tensor  # (B, 3)
    iris_radius: Tensor
    brow_y: Tensor
    brow_gap: Tensor
    brow_length: Tensor
    brow_thickness: Tensor
    brow_arch: Tensor
    brow_tilt: Tensor
    brow_density: Tensor
    brow_rgb: Tensor  # (B, 3)
    nose_tip_y: Tensor
    nose_width: Tensor  # half width at the wings
    nose_bridge: Tensor  # half width of the ridge
    nose_height: Tensor  # how far the tip stands out
    nose_root: Tensor  # how far the bridge stands out between the eyes
    nose_hump: Tensor
    nose_bulb: Tensor  # size of the tip
    nose_bend: Tensor  # sideways
    mouth_y: Tensor
    mouth_width: Tensor  # half width
    lip_upper: Tensor  # height of the red of the lip
    lip_lower: Tensor
    lip_cupid: Tensor
    lip_curve: Tensor  # corners up (+) or down (-) at rest
    lip_rgb: Tensor  # (B, 3)
    ear_size: Tensor
    ear_out: Tensor  # how far the ears stand out
    hair_cover: Tensor  # 0 bald .. 1 full
    hair_rgb: Tensor  # (B, 3)
    hair_line: Tensor  # y of the hairline
    hair_recession: Tensor
    hair_peak: Tensor
    hair_top: Tensor  # volume above the skull
    hair_side: Tensor  # volume beside the skull
    hair_length: Tensor  # y where the hair ends at the sides
    hair_flare: Tensor  # widening below the ears
    hair_open: Tensor  # half width of the face opening
    hair_part: Tensor  # x of the parting
    hair_tilt: Tensor  # slope of the fringe
    hair_curtain: Tensor  # fringe falling to both sides of the parting
    hair_curl: Tensor  # 0 straight .. 1 curly
    hair_wave: Tensor
    hair_phase: Tensor
    moustache: Tensor  # 0..1
    goatee: Tensor  # 0..1
    whiskers: Tensor  # beard along cheeks and jaw, 0..1
    stubble: Tensor  # 0..1
    beard_length: Tensor
    beard_rgb: Tensor  # (B, 3)
    glasses: Tensor  # 0 or 1
    glasses_size: Tensor  # (B, 2) half width and half height of a lens
    glasses_power: Tensor  # 2 round .. 6 square
    glasses_rim: Tensor  # half thickness of the rim
    glasses_tilt: Tensor
    glasses_tint: Tensor  # 0 clear .. 1 dark
    glasses_rgb: Tensor  # (B, 3)


def sample_identities(seeds: Sequence[int]) -> Identity:
    """Draw one person per seed; the same seed gives the same person on every machine.

    Args:
        seeds: integers >= 0.

    Raises:
        InvalidInputError: an empty list or a negative seed.
    """
    draws = Draws(seeds, stream=1)
    values: dict[str, Array] = {}
    draw_person(draws, values)
    for draw in (draw_skull, draw_skin, draw_eyes, draw_nose, draw_mouth):
        draw(draws, values)
    style = draw_hair_colour(draws, values)
    draw_hair_shape(draws, values, style)
    draw_beard(draws, values)
    draw_glasses(draws, values)
    return Identity(**{k: as_tensor(v) for k, v in values.items() if not k.startswith("_")})


def sample_identity(seed: int) -> Identity:
    """The person of one seed, as an `Identity` of one row."""
    return sample_identities([seed])

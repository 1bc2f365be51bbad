"""Inputs of the sampler node, in the order in which workflows store them."""

from typing import Any

from ..pdgrad_core.diffusion.steppers import STEPPERS
from ..pdgrad_core.guidance.strengths import STRENGTHS
from . import schema

STARTS = ["image", "noise"]
NOISES = ["per face", "same for all"]


def process_inputs() -> list[Any]:
    """Return the inputs of the reverse process: seed, steps, tau, start, stepper."""
    return [
        schema.seed("Noise of the first face; the next faces of a batch take the next seeds."),
        schema.whole(
            "steps", 100, (1, 1000), "Steps executed, spread evenly below tau; the paper takes all."
        ),
        schema.whole(
            "tau",
            700,
            (1, 1000),
            "How far the start image is noised, of 1000: higher lets the face change more.",
        ),
        schema.choice(
            "start",
            STARTS,
            STARTS[0],
            "image: the connected image, noised up to tau; noise: pure noise, tau is ignored.",
        ),
        schema.choice(
            "stepper",
            STEPPERS.names(),
            "ddpm",
            "ddpm: the papers' ancestral step; ddim: deterministic at eta 0.",
        ),
        schema.real("eta", 0.0, (0.0, 1.0), 0.05, "Randomness of ddim's steps; ddpm ignores it."),
        schema.text(
            "respacing",
            "",
            "Other spacing in guided-diffusion's notation (ddpm100, ddim50, 250); steps is then "
            "ignored. Empty: even steps.",
        ),
    ]


def strength_inputs() -> list[Any]:
    """Return the inputs that say how far a gradient moves a step."""
    return [
        schema.choice(
            "strength_mode",
            STRENGTHS.names(),
            "dynamic",
            "dynamic: each step is moved by a fraction of its length, whatever the losses' scale; "
            "constant: by strength times variance times gradient, as the paper writes it.",
        ),
        schema.real(
            "strength",
            0.2,
            (0.0, 100_000.0),
            0.01,
            "How strongly the guidance pulls; with dynamic 0.1 to 0.25 works well.",
        ),
        schema.choice(
            "strength_scope",
            ["image", "channel"],
            "image",
            "With dynamic: one length per face, or one per colour channel.",
        ),
        schema.whole(
            "gradient_steps", 1, (1, 100), "N: gradients taken at each step in the window."
        ),
        schema.whole(
            "window_end", 700, (0, 1000), "The window's lower end, excluded.", "timesteps"
        ),
        schema.whole(
            "window_start", 1000, (0, 1001), "The window's upper end, excluded.", "timesteps"
        ),
    ]


def noise_input(name: str = "noise") -> Any:
    """Return the input that says whose noise the faces of a batch get; it came later."""
    return schema.choice(
        name,
        NOISES,
        NOISES[0],
        "per face: each face of a batch takes the next seed; same for all: all have the first "
        "one's, so that a result does not change with a face's place in the batch.",
        optional=True,
    )

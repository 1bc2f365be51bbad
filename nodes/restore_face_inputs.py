"""Inputs of the Restore Face node, in the order in which workflows store them."""

from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.models.sets import DEMO
from ..pdgrad_core.recipes import RECIPES
from ..pdgrad_core.restorers import RESTORERS
from ..pdgrad_core.restorers.spandrel_model import SpandrelModel
from . import schema

PHOTO_MODELS = "photos"
OWN = "the recipe's own"
AUTO, ALIGNED = "auto", "aligned face"
KINDS = [AUTO, "whole photo", ALIGNED]


def inputs() -> list[Any]:
    """Return the inputs: pictures, recipe and models, the few numbers, and how faces are found."""
    return [*_pictures(), *_numbers(), *_faces(), *_hints()]


def _pictures() -> list[Any]:
    return [
        io.Image.Input(
            "photo", tooltip="The photo, or an aligned face; several of one size are a batch."
        ),
        io.Image.Input(
            "references",
            optional=True,
            tooltip="Good photos of the same person; a batch is several references.",
        ),
        schema.choice(
            "recipe",
            RECIPES.names(),
            "pdgrad",
            "The method. " + "; ".join(f"{row.name}: {row.title}" for row in _rows()) + ".",
        ),
        schema.choice(
            "models",
            [DEMO, PHOTO_MODELS],
            DEMO,
            "demo: embedded, for drawn faces of 64 px, nothing to download; photos: the published "
            "weights at 512 px; a missing file is explained when the node runs.",
        ),
    ]


def _numbers() -> list[Any]:
    own = "0: the recipe's own."
    return [
        schema.seed("Noise of the first face; the next faces take the next seeds."),
        schema.whole("steps", 0, (0, 1000), f"Steps executed. {own}"),
        schema.real(
            "strength", 0.0, (0.0, 100_000.0), 0.01, f"How strongly the guidance pulls. {own}"
        ),
        schema.whole(
            "tau",
            0,
            (0, 1000),
            f"How far the coarse face is noised, of 1000: more lets the face change more. {own}",
        ),
        schema.parameter_input(SpandrelModel, "fidelity"),
        schema.choice(
            "restorer",
            [OWN, *RESTORERS],
            OWN,
            "What makes the coarse face; each needs its weights, but for none and the demo's.",
        ),
    ]


def _faces() -> list[Any]:
    return [
        schema.choice(
            "photo_is",
            KINDS,
            AUTO,
            "auto: a square picture of the models' size is an aligned face, any other a photo in "
            "which the face is found.",
        ),
        schema.text(
            "faces",
            "largest",
            "Which faces of a photo are restored: largest, all, left-to-right, or numbers from the "
            "left starting at 0, as in 0,2.",
        ),
    ]


def _hints() -> list[Any]:
    return [
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="White where the photo is missing, for the recipes that invent it.",
        ),
        schema.text(
            "landmarks",
            "",
            "Instead of finding the face: five points x,y in the photo's pixels (eyes, nose, mouth "
            "corners), or three (eyes, middle of the mouth).",
            optional=True,
        ),
        schema.text("reference_landmarks", "", "The same for the references.", optional=True),
        schema.switch(
            "keep_grey",
            True,
            "A grey face stays grey, but under the recipes that give colours; off: it gets the "
            "colours that the networks imagine.",
            optional=True,
        ),
    ]


def _rows() -> list[Any]:
    return list(RECIPES.members.values())

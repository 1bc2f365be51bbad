"""Inputs of the Restore Face node, in the order in which workflows store them."""

from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.recipes import DEFAULT_RECIPE, RECIPES
from ..pdgrad_core.restorers import RESTORERS
from ..pdgrad_core.restorers.spandrel_model import SpandrelModel
from ..pdgrad_core.sequences import NOISES
from . import schema
from .face_sockets import face_sockets
from .sockets import PeopleIO
from .speed import preset_input, speed_up_input
from .weights import DEMO

BY_SIZE, PHOTO_MODELS = "auto", "photos"
OWN = "the recipe's own"
AUTO, ALIGNED = "auto", "aligned face"
WITHOUT, ALONE = "without a reference", "left alone"
KINDS = [AUTO, "whole photo", ALIGNED]


def inputs() -> list[Any]:
    """Return the inputs: pictures, recipe and models, the few numbers, and how faces are found."""
    found = [*_pictures(), *_numbers(), *_faces(), *_hints(), *_batches()]
    return [*found, *face_sockets(), *_people(), *_speed()]


def _pictures() -> list[Any]:
    return [
        io.Image.Input(
            "photo", tooltip="The photo, or an aligned face; several of one size are a batch."
        ),
        io.Image.Input(
            "references",
            optional=True,
            tooltip="Good photos of the same person, of any size; a batch or a list is several "
            "references.",
        ),
        schema.choice(
            "recipe",
            RECIPES.names(),
            DEFAULT_RECIPE,
            "The method. " + "; ".join(f"{row.name}: {row.title}" for row in _rows()) + ".",
        ),
        schema.choice(
            "models",
            [BY_SIZE, DEMO, PHOTO_MODELS],
            BY_SIZE,
            "demo: embedded, for drawn faces of 64 px, nothing to download; photos: the published "
            "weights at 512 px; a missing file is explained when the node runs; auto: demo for "
            "pictures of the examples' sizes (64 x 64, 460 x 204 px), photos for all others.",
        ),
    ]


def _numbers() -> list[Any]:
    own = "0: the recipe's own."
    return [
        schema.seed("Noise of the first photo's faces; see noise for the next photos."),
        schema.whole("steps", 0, (0, 1000), f"Steps executed. {own}"),
        schema.real(
            "strength", 0.0, (0.0, 100_000.0), 0.01, f"How strongly the guidance pulls. {own}"
        ),
        schema.whole(
            "tau",
            0,
            (0, 1000),
            "How far the coarse face is noised, of 1000: more lets the face change more. "
            f"{own[:-1]}, with the demo models at most 350.",
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
            "corners), or three (eyes, middle of the mouth); a line per face. In a batch they hold "
            "for every photo, unless an empty line or 'frame 0:' tells the photos apart.",
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


def _batches() -> list[Any]:
    return [
        schema.choice(
            "noise",
            list(NOISES),
            NOISES[0],
            "per photo: each photo of a batch takes the next seed; same for all: every frame of a "
            "video has the same noise, and flickers less. A photo's faces always share theirs.",
            optional=True,
        ),
        schema.whole(
            "faces_at_once",
            0,
            (0, 1000),
            "Faces restored together; a longer batch is worked through in portions. 0: as many as "
            "the device's memory takes.",
            optional=True,
        ),
    ]


def _people() -> list[Any]:
    return [
        PeopleIO.Input(
            "people",
            optional=True,
            tooltip="Instead of references: people with photos of their own. Each face is guided "
            "by the photos of the person whom it shows; set faces to all.",
        ),
        schema.choice(
            "unknown_faces",
            [WITHOUT, ALONE],
            WITHOUT,
            "With people: faces of nobody known are restored without a reference, or left alone.",
            optional=True,
        ),
        schema.real(
            "false_accept",
            0.05,
            (0.0001, 0.5),
            0.0001,
            "With people: chance that a stranger is taken for one of them.",
            optional=True,
        ),
        schema.text(
            "reference_weights",
            "",
            "How much each of the references counts, as in 3, 1; empty: all alike.",
            optional=True,
        ),
    ]


def _speed() -> list[Any]:
    return [
        preset_input(
            "auto",
            "In what the networks compute. exact: float32; balanced: float32 features, 16 bit for "
            "the rest; fast: 16 bit; auto: balanced where the device is fast at it, exact with the "
            "demo models.",
        ),
        speed_up_input(
            "replay: prior and guidance are recorded as CUDA graphs and replayed, which takes more "
            "memory; compile: they are compiled too, which takes a minute in the first run."
        ),
    ]


def _rows() -> list[Any]:
    return list(RECIPES.members.values())

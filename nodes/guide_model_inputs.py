"""Inputs of Guide Any Model, in the order in which workflows store them."""

from typing import Any

from comfy_api.latest import io

from . import schema
from .sockets import ContractionIO, FacesIO, GuidanceIO, LossIO

DECODES = ["window", "whole", "tiles"]
"""What of the picture is decoded at a guided step."""


def guide_inputs() -> list[Any]:
    """Return the inputs."""
    return [*_needed(), *_which_steps(), *_each_step(), *_optional()]


def _needed() -> list[Any]:
    return [
        io.Model.Input("model", tooltip="Any model of pictures, with its LoRAs and other patches."),
        io.Vae.Input("vae", tooltip="The VAE that belongs to the model."),
    ]


def _which_steps() -> list[Any]:
    return [
        schema.real(
            "strength",
            0.15,
            (0.0, 10.0),
            0.01,
            "How far a guided step is moved, of its own length; 0 leaves the model as it is.",
        ),
        schema.real(
            "start_percent",
            0.0,
            (0.0, 1.0),
            0.01,
            "Where in the model's schedule the guidance begins; 0 is pure noise.",
        ),
        schema.real(
            "end_percent",
            0.9,
            (0.0, 1.0),
            0.01,
            "Where it ends; the last tenth is left to the model, which removes what only a "
            "network would take for a likeness.",
        ),
        schema.whole(
            "every", 1, (1, 100), "Guide each k-th step only; the others cost nothing more."
        ),
    ]


def _each_step() -> list[Any]:
    return [
        schema.whole(
            "repeats",
            1,
            (1, 20),
            "Shifts at each guided step, each with a gradient of its own; the model is not asked "
            "again.",
        ),
        schema.real(
            "jitter_px",
            1.0,
            (0.0, 8.0),
            0.1,
            "How far the face is moved at random between gradients, so that single pixels cannot "
            "please the networks; follows the sampler's seed.",
            "px",
        ),
        schema.choice(
            "decode",
            DECODES,
            DECODES[0],
            "window: only around the face, where a placement is connected; whole: the picture; "
            "tiles: the picture in parts, which needs the least memory.",
        ),
    ]


def _optional() -> list[Any]:
    return [
        io.MultiType.Input(
            "guidance",
            [GuidanceIO, LossIO],
            optional=True,
            tooltip="What pulls the picture: a loss, a gradient surgery, or a sum of them.",
        ),
        FacesIO.Input(
            "placement",
            optional=True,
            tooltip="From Align Faces on the picture that is encoded: where its faces are. Without "
            "it the whole picture is the face.",
        ),
        io.Vae.Input(
            "previewer_vae",
            optional=True,
            tooltip="A small decoder (TAESD) that guided steps use instead of the VAE: several "
            "times faster, a little less true.",
        ),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="White where the guidance may change the picture; of any size.",
        ),
        ContractionIO.Input(
            "contraction",
            optional=True,
            tooltip="A low-pass towards a picture of the sampled size: keeps its colours and "
            "shapes. Needs no decoding; its factor counts in pixels, 16 or more makes sense.",
        ),
    ]

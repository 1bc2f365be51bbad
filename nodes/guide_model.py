"""Guidance on any of the host's MODELs: SD 1.5, SDXL, SD3, Flux and the rest."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from . import schema
from .checked import CheckedNode
from .node_schema import node_schema
from .sockets import ContractionIO, FacesIO, GuidanceIO, LossIO, Trace, TraceIO

DECODES = ["window", "whole", "tiles"]
"""What of the picture is decoded at a guided step."""


class GuideModel(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradGuideModel",
            display_name="Guide Any Model",
            category="PDGrad/sampling",
            description=(
                "Lets a reference photo, or any other guidance, steer any model of pictures in "
                "any sampler: SD 1.5, SDXL, SD3, Flux. At each guided step the estimate of the "
                "clean picture is decoded, and shifted along the gradient. The model's own "
                "network is asked no more often than without it."
            ),
            inputs=_inputs(),
            outputs=[
                io.Model.Output(
                    "guided",
                    display_name="model",
                    tooltip="The model, guided; for KSampler and every other sampler.",
                ),
                TraceIO.Output(
                    "trace",
                    display_name="trace",
                    tooltip="For Trace Plot, whose input 'after' takes the sampler's latent: the "
                    "steps are there when it has sampled.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        decode: str | None = None,
        start_percent: float | None = None,
        end_percent: float | None = None,
        strength: float | None = None,  # noqa: ARG003  (named: a connected one's range is checked)
        every: int | None = None,  # noqa: ARG003
        repeats: int | None = None,  # noqa: ARG003
        jitter_px: float | None = None,  # noqa: ARG003
    ) -> bool | str:
        """Refuse an unknown choice and an empty part of the run before anything runs."""
        known = schema.check_choices(cls, decode=decode)
        if known is not True or start_percent is None or end_percent is None:
            return known
        if start_percent >= end_percent:
            return (
                f"start_percent ({start_percent:g}) must be smaller than end_percent "
                f"({end_percent:g}): nothing would be guided."
            )
        return True

    @classmethod
    def execute(cls, model: Any, vae: Any, **given: Any) -> io.NodeOutput:
        """Patch a clone of the model; the guidance acts when it is sampled."""
        from .guide_settings import attach, settings_of
        from .host_model_guide import ModelGuide

        trace = Trace([])
        settings = settings_of(model, vae, given)
        if not settings.guides and not settings.filters:
            return io.NodeOutput(model, trace)
        patched = model.clone()
        guide = ModelGuide(settings, trace, cls.hidden.unique_id)
        attach(patched, guide, f"pdgrad_{id(guide)}")
        return io.NodeOutput(patched, trace)


def _inputs() -> list[Any]:
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


NODES = [GuideModel]

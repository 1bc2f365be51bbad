"""The whole restoration in one node: from a photo and references to the restored photo."""

from __future__ import annotations

import json
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.diffusion.schedule import Schedule
from ..pdgrad_core.settings import Settings
from . import schema
from .boundary import (
    as_sentence,
    from_host,
    outside_inference_mode,
    with_alpha_of,
)
from .checked import CheckedNode
from .lists import run_per_element
from .node_schema import node_schema
from .restore_face_inputs import inputs
from .sample import for_the_page
from .sockets import Trace, TraceIO
from .speed import check_precision


class RestoreFace(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradRestoreFace",
            display_name="Restore Face (Reference, Old Photo, Colorize)",
            category="PDGrad/restore",
            description=(
                "Restores the face in a photo, guided by other photos of the same person: finds "
                "the face, makes the coarse face, samples under the recipe's guidance, and lays "
                "the result back. A picture that is an aligned face already is restored as it is. "
                "Every recipe of the pack can be chosen; the other nodes are its parts."
            ),
            inputs=inputs(),
            outputs=[
                io.Image.Output(
                    "image",
                    display_name="image",
                    is_output_list=True,
                    tooltip="The photo with its restored faces; around them it stays as it was.",
                ),
                io.Image.Output(
                    "coarse",
                    display_name="coarse faces",
                    is_output_list=True,
                    tooltip="The aligned faces from which sampling started.",
                ),
                TraceIO.Output(
                    "trace",
                    display_name="trace",
                    is_output_list=True,
                    tooltip="What happened at each step, for Trace Plot.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
            is_input_list=True,
        )

    @classmethod
    def validate_inputs(
        cls,
        recipe: str | None,
        models: str | None,
        restorer: str | None,
        photo_is: str | None,
        steps: int | None,
        tau: int | None,
        noise: str | None = None,
        unknown_faces: str | None = None,
        precision: str | None = None,
        speed_up: str | None = None,
    ) -> bool | str:
        """Refuse unknown choices, and what tau or the device cannot do, before anything runs."""
        chosen = {"recipe": recipe, "models": models, "restorer": restorer, "photo_is": photo_is}
        chosen.update(noise=noise, unknown_faces=unknown_faces)
        chosen.update(precision=precision, speed_up=speed_up)
        known = schema.check_choices(cls, **chosen)
        if known is True:
            known = as_sentence(lambda: check_precision(precision))
        if known is not True or recipe is None or steps is None or tau is None:
            return known
        settings = Settings(recipe, steps=steps or None, tau=tau or None)
        return as_sentence(lambda: settings.resolved().plan(Schedule.linear()))

    @classmethod
    @run_per_element("references")
    def execute(cls, photo: Tensor, **values: Any) -> io.NodeOutput:
        """Restore every chosen face of every photo, outside inference mode."""
        from .frames import Frames, say
        from .restore_face_work import FaceWork  # with its imports; not needed to show the node

        with outside_inference_mode():
            work = FaceWork(Frames(photo), values, cls.hidden.unique_id)
            work.check()
            found = work()
            trace = Trace.on_cpu(found.trace)
            shown: dict[str, list[Any]] = {
                "pdgrad_trace": [json.dumps(for_the_page(trace.rows))],
                "pdgrad_compare": [_compared(photo, found.image)],
            }
            if text := say(found.said, found.notes, cls.hidden.unique_id):
                shown["text"] = [text]
            image = with_alpha_of(photo, found.image)
            return io.NodeOutput(image, torch.cat(found.coarse), trace, ui=shown)


def _compared(before: Tensor, after: Tensor) -> str:
    """Return the pairs for the page's slider; of a video only the first."""
    from .comparison import LARGEST_PAIRS, compared

    first = slice(LARGEST_PAIRS)
    return compared(
        from_host(before[first, ..., :3], "The photo"), from_host(after[first], "The result")
    )


NODES = [RestoreFace]

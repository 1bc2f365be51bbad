"""The plot of what happened in a sampling."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import from_uint8
from . import schema
from .boundary import outside_inference_mode, to_host
from .node_schema import node_schema
from .sockets import Trace, TraceIO

if TYPE_CHECKING:
    from PIL.Image import Image


class TracePlot(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradTracePlot",
            display_name="Trace Plot",
            category="PDGrad/sampling",
            description=(
                "Plots a sampling over its steps: how the gradients conflict (their cosine), the "
                "factor k of the surgery, norms and losses; and gives all numbers as JSON."
            ),
            inputs=[
                TraceIO.Input("trace", tooltip="From Guided Face Sampler or Guide Any Model."),
                schema.whole("face", 0, (0, 63), "Which face of the batch, counted from 0."),
                io.MultiType.Input(
                    "after",
                    [io.Latent, io.Image],
                    optional=True,
                    tooltip="For the trace of Guide Any Model: the latent that the sampler gives, "
                    "so that the plot is drawn when it has sampled.",
                ),
            ],
            outputs=[
                io.Image.Output("plot", display_name="plot", tooltip="The curves as a picture."),
                io.String.Output(
                    "json", display_name="JSON", tooltip="All numbers of the trace, as JSON."
                ),
            ],
        )

    @classmethod
    def execute(cls, trace: Trace, face: int, after: Any = None) -> io.NodeOutput:
        """Plot one face's trace; `after` makes the node wait, and says that it was sampled."""
        from ..pdgrad_core.trace import plot_trace, trace_to_json

        if not trace.rows and after is None:
            raise InvalidInputError(
                "This trace has no steps yet. Of Guide Any Model: connect the sampler's latent to "
                "after, so that the plot waits for it, and guide at least one step."
            )
        with outside_inference_mode():
            if not trace.rows:  # a strength of 0, for comparison, is no fault
                return io.NodeOutput(_to_host(_blank("No step was guided.")), "[]")
            picture = _to_host(plot_trace(trace.rows, face))
            return io.NodeOutput(picture, json.dumps(trace_to_json(trace.rows)))


def _blank(sentence: str) -> "Image":
    """Return a plot's page with a sentence on it."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (300, 70), "white")  # small, so that Pillow's own letters are not
    ImageDraw.Draw(page).text((90, 28), sentence, fill="black")
    return page


def _to_host(picture: "Image") -> Tensor:
    """Return a Pillow picture as an IMAGE of one."""
    pixels = torch.from_numpy(np.array(picture.convert("RGB")))[None]
    return to_host(from_uint8(pixels))


NODES = [TracePlot]

"""Combining losses: gradient surgery, and the weighted sum."""

import logging

from comfy_api.latest import io

from ..pdgrad_core.combiners import COMBINERS
from . import schema
from .guidance import Wired, WiredSum, WiredSurgery, shares_an_image
from .sockets import GuidanceIO, LossIO

logger = logging.getLogger(__name__)

EITHER = [LossIO, GuidanceIO]


class GradientSurgery(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradGradientSurgery",
            display_name="Gradient Surgery",
            category="PDGrad/guidance",
            description=(
                "Joins two losses whose gradients may oppose each other. PDGrad keeps the pivot's "
                "direction: where the other one opposes it, the opposing part is removed and the "
                "rest is limited to the pivot's length. In the paper the low level pivots on the "
                "coarse face, the high level on the reference."
            ),
            inputs=[
                io.MultiType.Input("pivot", EITHER, tooltip="Its gradient's direction is kept."),
                io.MultiType.Input(
                    "other", EITHER, tooltip="Its gradient gives way where it opposes the pivot's."
                ),
                schema.choice(
                    "method",
                    COMBINERS.names(),
                    "pdgrad",
                    "pdgrad: the paper's; projection: without its length limit (A2); sum: no "
                    "surgery (A1); torchjd_*: methods of the torchjd package, which have no pivot.",
                ),
                schema.text("name", "", "What the trace calls it; empty: surgery."),
            ],
            outputs=[GuidanceIO.Output("guidance", display_name="guidance")],
        )

    @classmethod
    def validate_inputs(cls, method: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, method=method)

    @classmethod
    def execute(cls, pivot: Wired, other: Wired, method: str, name: str) -> io.NodeOutput:
        """Describe the surgery; it is computed in the sampler."""
        wired = WiredSurgery(name.strip() or "surgery", pivot, other, method)
        if not shares_an_image(pivot, other):
            return io.NodeOutput(wired)
        note = (
            f"{wired.name}: pivot and other look at the same image, so there is little for the "
            "surgery to settle; usually one is the coarse face and the other the reference."
        )
        logger.warning("%s", note)
        return io.NodeOutput(wired, ui={"pdgrad_note": [note]})


class AddGuidance(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        limits = (-1_000_000.0, 1_000_000.0)
        return io.Schema(
            node_id="PDGradAddGuidance",
            display_name="Add Guidance",
            category="PDGrad/guidance",
            description=(
                "Adds two losses or guidances with a weight each: the whole PDGrad guidance is the "
                "low-level surgery plus the high-level one. Chain it to add more."
            ),
            inputs=[
                io.MultiType.Input("first", EITHER, tooltip="A loss or a guidance."),
                io.MultiType.Input("second", EITHER, tooltip="A loss or a guidance."),
                schema.real("first_weight", 1.0, limits, 0.1, "Factor of the first gradient."),
                schema.real("second_weight", 1.0, limits, 0.1, "Factor of the second gradient."),
            ],
            outputs=[GuidanceIO.Output("guidance", display_name="guidance")],
        )

    @classmethod
    def execute(
        cls, first: Wired, second: Wired, first_weight: float, second_weight: float
    ) -> io.NodeOutput:
        """Describe the sum; it is computed in the sampler."""
        return io.NodeOutput(WiredSum((first, second), (first_weight, second_weight)))


NODES = [GradientSurgery, AddGuidance]

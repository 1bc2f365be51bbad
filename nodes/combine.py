"""Combining losses: gradient surgery, the weighted sum, and the mask where nothing is guided."""

import logging
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.combiners import COMBINERS, make_combiner
from ..pdgrad_core.parameters import Parameter, parameters_of
from . import schema
from .checked import CheckedNode
from .guidance import LoadedGuidance, checked_mask, joined, shares_an_image
from .node_schema import node_schema
from .sockets import GuidanceIO, LossIO

logger = logging.getLogger(__name__)

EITHER = [LossIO, GuidanceIO]


class GradientSurgery(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
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
                *(
                    schema.input_of(found, f"{_PREFIX}{found.name}", optional=True)
                    for found in _method_options()
                ),
            ],
            outputs=[
                GuidanceIO.Output(
                    "guidance",
                    display_name="guidance",
                    tooltip="For the sampler, or for further surgery and sums.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, method: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, method=method)

    @classmethod
    def execute(
        cls,
        pivot: LoadedGuidance,
        other: LoadedGuidance,
        method: str,
        name: str,
        **options: Any,
    ) -> io.NodeOutput:
        """Describe the surgery; it is computed in the sampler."""
        from ..pdgrad_core.guidance.terms import Surgery

        label = name.strip() or "surgery"
        values = {key.removeprefix(_PREFIX): value for key, value in options.items()}
        combiner = make_combiner(method, _known(method, values))
        guidance = joined(
            (pivot, other), lambda parts: Surgery(label, parts[0], parts[1], combiner)
        )
        if not shares_an_image(pivot, other):
            return io.NodeOutput(guidance)
        note = (
            f"{label}: pivot and other look at the same image, so there is little for the "
            "surgery to settle; usually one is the coarse face and the other the reference."
        )
        logger.warning("%s", note)
        return io.NodeOutput(guidance, ui={"pdgrad_note": [note]})


_PREFIX = "method_"
"""Of the inputs that a method's parameters have: a plain "seed" would be randomised by the page."""


_PUBLISHED = ("seed",)
"""Parameters whose inputs workflows know: they stay in front of what later methods bring."""


def _method_options() -> list[Parameter]:
    """Return the parameters of all methods, each once."""
    found = [one for member in COMBINERS.members.values() for one in parameters_of(member)]
    unique = list({one.name: one for one in reversed(found)}.values())[::-1]
    return sorted(unique, key=lambda one: one.name not in _PUBLISHED)


def _known(method: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return those of the values that a method takes."""
    names = {one.name for one in parameters_of(COMBINERS[method])}
    return {name: value for name, value in values.items() if name in names}


class AddGuidance(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        limits = (-1_000_000.0, 1_000_000.0)
        return node_schema(
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
            outputs=[
                GuidanceIO.Output(
                    "guidance",
                    display_name="guidance",
                    tooltip="For the sampler, or for further surgery and sums.",
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        first: LoadedGuidance,
        second: LoadedGuidance,
        first_weight: float,
        second_weight: float,
    ) -> io.NodeOutput:
        """Describe the sum; it is computed in the sampler."""
        from ..pdgrad_core.guidance.terms import Sum

        weights = (first_weight, second_weight)
        return io.NodeOutput(joined((first, second), lambda parts: Sum(parts, weights)))


class MaskGuidance(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradMaskGuidance",
            display_name="Mask Guidance",
            category="PDGrad/guidance",
            description=(
                "Keeps a guidance out of a mask: where it is white the prior alone decides, as in "
                "PGDiff's inpainting and old photos. A surgery inside does not see what happens "
                "in the mask either."
            ),
            inputs=[
                io.MultiType.Input("guidance", [GuidanceIO, LossIO], tooltip="What is masked."),
                io.Mask.Input(
                    "mask", tooltip="White where nothing is guided; of the faces' size, 0 and 1."
                ),
            ],
            outputs=[
                GuidanceIO.Output(
                    "guidance_out",
                    display_name="guidance",
                    tooltip="For the sampler, or for further surgery and sums.",
                )
            ],
        )

    @classmethod
    def execute(cls, guidance: LoadedGuidance, mask: Tensor) -> io.NodeOutput:
        """Describe the masked guidance; it is computed in the sampler."""
        from ..pdgrad_core.guidance.terms import Masked

        missing = checked_mask(mask)
        return io.NodeOutput(joined((guidance,), lambda parts: Masked(parts[0], missing)))


NODES = [GradientSurgery, AddGuidance, MaskGuidance]

"""A node for every registered loss: its words from the loss's card, its inputs from its parameters.

Losses that are forms of one thing (a squared and a cosine distance) share a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.losses import LOSSES
from ..pdgrad_core.losses.base import Card, Loss, MaskedPixelsLoss
from ..pdgrad_core.losses.color_statistics import ColorStatistics
from ..pdgrad_core.parameters import Parameter, accepted, parameters_of
from . import schema
from .boundary import from_host, outside_inference_mode
from .checked import CheckedNode
from .generated import first_sentence, make_node, node_name, title_of
from .guidance import BATCH_MODES, Towards, checked_mask, loss_guidance
from .node_schema import node_schema
from .sockets import FeaturesIO, LoadedFeatures, LossIO, RestorerIO

CATEGORY = "PDGrad/guidance"
LOADED_APART = {"discriminator": "Load Discriminator"}
"""Feature networks with a loader, and so an input, of their own."""


class LossNode(CheckedNode):
    """A loss as a node; see `define_schema`.

    Attributes:
        lead: Name of the loss whose card the node shows.
        forms: Names of the losses by form; one entry without a name for a loss alone.
        CHECKS: What checks an input's text before anything runs.
    """

    lead: ClassVar[str]
    forms: ClassVar[Mapping[str, str]]
    CHECKS: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        loss, card = LOSSES[cls.lead], LOSSES[cls.lead].card
        return node_schema(
            node_id=f"PDGrad{node_name(cls.lead, card.node, 'Loss')}",
            display_name=title_of(cls.lead, card.title, "Loss"),
            category=CATEGORY,
            description=card.description or first_sentence(loss),
            inputs=[*_needed(cls.lead, cls.forms), *_optional(loss)],
            outputs=[
                LossIO.Output(
                    "loss",
                    display_name="loss",
                    tooltip="For Gradient Surgery, Add Guidance or the sampler.",
                )
            ],
        )

    @classmethod
    def execute(cls, weight: float, name: str, **inputs: Any) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        member = LOSSES[cls.forms[inputs.pop("form", "")] if len(cls.forms) > 1 else cls.lead]
        card = member.card
        features: LoadedFeatures | None = inputs.pop(_network_input(member.network), None)
        towards = Towards(
            inputs.pop("image", None),
            inputs.pop("batch_mode", BATCH_MODES[0]),
            inputs.pop("restorer", None),
        )
        mask: Tensor | None = inputs.pop("mask", None)
        if mask is not None:
            inputs["mask"] = checked_mask(mask, towards.image)
        loss = member(**accepted(member, {**_values(member, inputs), **card.fixed}))
        label = name.strip() or card.name or cls.lead
        part = card.part or member.network
        return io.NodeOutput(loss_guidance(label, {part: (loss, weight)}, towards, features))


def loss_nodes() -> list[type[io.ComfyNode]]:
    """Return the nodes of all registered losses."""
    leads = [name for name, member in LOSSES.members.items() if not member.card.form_of]
    return [_node(name) for name in leads]


def _node(lead: str) -> type[io.ComfyNode]:
    card = LOSSES[lead].card
    shared = {
        member.card.form: name
        for name, member in LOSSES.members.items()
        if member.card.form_of == lead
    }
    checks = {
        found.name: partial(schema.parse_list, found)
        for found in parameters_of(LOSSES[lead])
        if schema.is_list(found)
    }
    members = {"lead": lead, "forms": {card.form: lead, **shared}, "CHECKS": checks}
    return make_node(f"{node_name(lead, card.node, 'Loss')}Node", LossNode, members)


def _needed(lead: str, forms: Mapping[str, str]) -> list[Any]:
    """Return the inputs that a workflow stores, in their order."""
    loss, card = LOSSES[lead], LOSSES[lead].card
    inputs: list[Any] = []
    if loss.network != "pixels":
        loader = LOADED_APART.get(loss.network, "Load Feature Networks")
        name = _network_input(loss.network)
        inputs.append(FeaturesIO.Input(name, tooltip=f"From {loader}."))
    if loss.takes_target:
        inputs.append(io.Image.Input("image", tooltip=card.image))
    inputs.append(
        schema.real("weight", card.weight, (0.0, 1_000_000.0), 0.01, "Factor of the loss.")
    )
    if len(forms) > 1:
        inputs.append(schema.choice("form", list(forms), card.form, card.forms))
    inputs += [
        schema.input_of(found)
        for found in parameters_of(loss)
        if found.name not in card.fixed and not _is_style(found)
    ]
    if card.several:
        inputs.append(_batch_mode(card))
    inputs.append(schema.text("name", "", "What the trace calls this loss; empty: its kind."))
    return inputs


def _optional(loss: type[Loss]) -> list[Any]:
    """Return the inputs that may be left unconnected."""
    inputs: list[Any] = []
    if issubclass(loss, MaskedPixelsLoss):
        tooltip = "Where the image is missing: white pixels are not compared."
        inputs.append(io.Mask.Input("mask", optional=True, tooltip=tooltip))
    if loss.card.restored:
        tooltip = "Makes the target from the image; PGDiff's own does so anew at every step."
        inputs.append(RestorerIO.Input("restorer", optional=True, tooltip=tooltip))
    inputs += [
        io.Image.Input(found.name, optional=True, tooltip=found.param.tooltip)
        for found in parameters_of(loss)
        if _is_style(found)
    ]
    return inputs


def _batch_mode(_card: Card) -> Any:
    return schema.choice(
        "batch_mode",
        BATCH_MODES,
        BATCH_MODES[0],
        "What several images mean: one per face, or references that all count for every face.",
    )


def _network_input(network: str) -> str:
    return network if network in LOADED_APART else "features"


def _is_style(found: Parameter) -> bool:
    return found.type is ColorStatistics


def _values(member: type[Loss], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the constructor takes: lists parsed, styles measured from their pictures."""
    values = {name: value for name, value in inputs.items() if value is not None}
    for found in parameters_of(member):
        if found.name not in values:
            continue
        if schema.is_list(found):
            values[found.name] = schema.parse_list(found, values[found.name])
        elif _is_style(found):
            with outside_inference_mode():
                pictures = from_host(values[found.name], "The colour style")
                values[found.name] = ColorStatistics.of(list(pictures.split(1)))
    return values


NODES = loss_nodes()

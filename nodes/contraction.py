"""A node for every registered contraction: filters that plug into PDG_CONTRACTION sockets.

Its words come from the contraction's card, its inputs from its parameters. One that is fitted to
its image gives the image that it was fitted to as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.contractions import CONTRACTIONS, Contraction
from . import schema
from .boundary import (
    IterationReporter,
    from_host,
    load_networks,
    mask_from_host,
    outside_inference_mode,
    run_in_memory,
    to_host,
)
from .checked import CheckedNode
from .generated import first_sentence, make_node, node_name, title_of
from .node_schema import node_schema
from .sockets import ContractionIO, LoadedContraction

BYTES_PER_PIXEL = 2000
"""About what fitting takes per pixel of an enlarged face."""


class ContractionNode(CheckedNode):
    """A contraction as a node; see `define_schema`.

    Attributes:
        member: Name of the contraction.
    """

    member: ClassVar[str]

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        member = CONTRACTIONS[cls.member]
        card = member.card
        return node_schema(
            node_id=f"PDGrad{node_name(cls.member, card.node, 'Contraction')}",
            display_name=title_of(cls.member, card.title, "Contraction"),
            category=f"PDGrad/{card.category}",
            description=card.description or first_sentence(member),
            inputs=[
                io.Image.Input("image", tooltip=card.image),
                *_wires(card.known),
                *_seeds(member),
                *schema.parameter_inputs(member),
            ],
            outputs=_outputs(member),
            hidden=[io.Hidden.unique_id] if member.fitted else [],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor | None = None,
        previous: LoadedContraction | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Describe the filter; it acts in the sampler. What is fitted is fitted here."""
        member = CONTRACTIONS[cls.member]
        with outside_inference_mode():
            target = from_host(image, "The contraction's image")
            missing = None if mask is None else mask_from_host(mask)
            if not member.fitted:
                own = member.towards(target, missing, **values)
                return io.NodeOutput(_after(previous, own))
            report = IterationReporter(cls.hidden.unique_id)
            own, fitted = run_in_memory(
                "Fitting the enlargement",
                lambda: _fitted(member, target, missing, dict(values), report),
            )
            losses = json.dumps(own.losses)
            return io.NodeOutput(to_host(fitted), _after(previous, own), losses)


def contraction_nodes() -> list[type[io.ComfyNode]]:
    """Return the nodes of all registered contractions."""
    return [
        make_node(f"{name.title().replace('_', '')}Node", ContractionNode, {"member": name})
        for name in CONTRACTIONS
    ]


def _fitted(
    member: type[Contraction],
    image: Tensor,
    mask: Tensor | None,
    values: dict[str, Any],
    report: IterationReporter,
) -> tuple[Contraction, Tensor]:
    pixels = image.shape[-1] * image.shape[-2] * int(values.get("scale", 1)) ** 2
    device = load_networks([], BYTES_PER_PIXEL * pixels)
    seed = values.pop("seed")
    seeds = [seed + index for index in range(image.shape[0])]
    own = member.towards(image.to(device), mask, seeds=seeds, **values)
    fitted = own.prepare(report)
    assert fitted is not None
    return own, fitted


def _wires(what: str) -> list[Any]:
    return [
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip=f"White where the {what} knows nothing: there the prior is left alone. Of the "
            "size that is sampled.",
        ),
        ContractionIO.Input(
            "previous", optional=True, tooltip="Another contraction, which acts before this one."
        ),
    ]


def _seeds(member: type[Contraction]) -> list[Any]:
    if not member.fitted:
        return []
    return [schema.seed("The networks' first weights; face i of a batch takes seed + i.")]


def _outputs(member: type[Contraction]) -> list[Any]:
    contraction = ContractionIO.Output(
        "contraction",
        display_name="contraction",
        tooltip="For the sampler, or in front of another contraction.",
    )
    if not member.fitted:
        return [contraction]
    return [
        io.Image.Output(
            "enlarged", display_name="image", tooltip="The image that the networks were fitted to."
        ),
        contraction,
        io.String.Output(
            "losses",
            display_name="losses (JSON)",
            tooltip="The fit's loss after every update, as JSON.",
        ),
    ]


def _after(previous: LoadedContraction | None, own: Contraction) -> LoadedContraction:
    """Return the chain of the connected contraction and this one."""
    filters: Sequence[Any] = previous.filters if previous else ()
    patchers = previous.patchers if previous else ()
    return LoadedContraction((*filters, own), patchers)


NODES = contraction_nodes()

"""Contractions: filters on x0hat that plug into the sampler's PDG_CONTRACTION socket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.contractions.difbfsr import DifBFSR
from ..pdgrad_core.contractions.low_pass import LowPass
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
from .sockets import ContractionIO, LoadedContraction

BYTES_PER_PIXEL = 2000
"""About what fitting takes per pixel of an enlarged face."""


class Contraction(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradContraction",
            display_name="Contraction",
            category="PDGrad/guidance",
            description=(
                "Keeps an image's low frequencies while the prior draws the high ones: at each "
                "step, what the estimate of the clean face and the image differ in when both are "
                "made small is corrected. Any image will do: a bicubic enlargement, the coarse "
                "face, a picture of your own."
            ),
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="Whose low frequencies are kept; one for all faces or one each, of the "
                    "size that is sampled.",
                ),
                *_wires("image"),
                *schema.parameter_inputs(LowPass),
            ],
            outputs=[ContractionIO.Output("contraction", display_name="contraction")],
        )

    @classmethod
    def validate_inputs(cls, kernel: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, kernel=kernel)

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor | None = None,
        previous: LoadedContraction | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Describe the filter; it acts in the sampler."""
        with outside_inference_mode():
            target = from_host(image, "The contraction's image")
            own = LowPass(target, _missing(mask), **values)
        return io.NodeOutput(_after(previous, own))


class SelfSupervisedSR(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradSelfSupervisedSR",
            display_name="Self-Supervised Super-Resolution",
            category="PDGrad/restore",
            description=(
                "DifBFSR: enlarges a small face by two small networks that are fitted to this face "
                "alone, without any training data, and gives the contraction that keeps the "
                "sampled face true to it. Fitted before sampling the image is the enlargement; "
                "fitted along, the networks learn while the face is sampled."
            ),
            inputs=[
                io.Image.Input("image", tooltip="Small aligned faces, e.g. 128 px for 512."),
                *_wires("enlarged image"),
                schema.seed("The networks' first weights; face i of a batch takes seed + i."),
                *schema.parameter_inputs(DifBFSR),
            ],
            outputs=[
                io.Image.Output("enlarged", display_name="image"),
                ContractionIO.Output("contraction", display_name="contraction"),
                io.String.Output("losses", display_name="losses (JSON)"),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        fit: str | None,
        objective: str | None,
        cfm: str | None,
        skip: str | None,
        kernel: str | None,
    ) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(
            cls, fit=fit, objective=objective, cfm=cfm, skip=skip, kernel=kernel
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        seed: int,
        mask: Tensor | None = None,
        previous: LoadedContraction | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Fit outside inference mode, where the host computes; Cancel stops within an update."""
        with outside_inference_mode():
            small = from_host(image, "The small face")
            report = IterationReporter(cls.hidden.unique_id)
            own, enlarged = run_in_memory(
                "Fitting the enlargement",
                lambda: _fitted(small, _missing(mask), seed, values, report),
            )
            return io.NodeOutput(to_host(enlarged), _after(previous, own), json.dumps(own.losses))


def _fitted(
    small: Tensor, mask: Tensor | None, seed: int, values: dict[str, Any], report: IterationReporter
) -> tuple[DifBFSR, Tensor]:
    from ..pdgrad_core.diffusion.noise import per_image_generators

    pixels = small.shape[-1] * small.shape[-2] * values["scale"] ** 2
    device = load_networks([], BYTES_PER_PIXEL * pixels)
    generators = per_image_generators([seed + index for index in range(small.shape[0])])
    own = DifBFSR(small.to(device), mask, generators=generators, **values)
    return own, own.prepare(report)


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


def _missing(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask_from_host(mask)


def _after(previous: LoadedContraction | None, own: LowPass) -> LoadedContraction:
    """Return the chain of the connected contraction and this one."""
    filters: Sequence[Any] = previous.filters if previous else ()
    patchers = previous.patchers if previous else ()
    return LoadedContraction((*filters, own), patchers)


NODES = [Contraction, SelfSupervisedSR]

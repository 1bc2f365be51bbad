"""The diffusion prior: loading it, and handing it to the host's own samplers."""

from typing import Any

import torch
from comfy_api.latest import io

from ..pdgrad_core.devices import DTYPES, parse_dtype
from ..pdgrad_core.diffusion.priors import PRIORS, load_prior
from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .boundary import outside_inference_mode, patcher_for
from .checked import CheckedNode
from .node_schema import node_schema
from .sockets import LoadedPrior, PriorIO
from .speed import NONE, check_speed_up, sped_up, speed_up_input
from .weights import DEMO, choices, embedded_choices, embedded_path, weights_path


def embedded() -> dict[str, str]:
    """Return the kinds of priors with embedded weights, by what the node calls them."""
    return embedded_choices("prior", PRIORS)


class LoadPrior(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradLoadPrior",
            display_name="Load Face Prior",
            category="PDGrad/loaders",
            description=(
                "Loads the diffusion model that knows what faces look like. 'demo' is embedded and "
                "knows drawn faces of 64 px only; 'ffhq512-prior' restores photographs at 512 px."
            ),
            inputs=[
                schema.choice(
                    "weights",
                    choices([*embedded(), *_offered()], "pdgrad"),
                    DEMO,
                    "Which prior. Files of your own go into models/pdgrad; a missing file is "
                    "explained when the node runs.",
                ),
                schema.choice(
                    "precision",
                    list(DTYPES),
                    "float32",
                    "In what the network computes. bfloat16 takes half the memory, and less time "
                    "where the hardware computes in it; float32 is exact.",
                ),
                speed_up_input(
                    "replay: Guided Face Sampler records the network as a CUDA graph and replays "
                    "it; compile: it is compiled too, which takes a minute in the first run. "
                    "Face Prior as MODEL has neither."
                ),
            ],
            outputs=[
                PriorIO.Output(
                    "prior",
                    display_name="prior",
                    tooltip="For Guided Face Sampler, Align Faces and Face Prior as MODEL.",
                )
            ],
        )

    @classmethod
    def validate_inputs(
        cls, weights: str | None, precision: str | None, speed_up: str | None = None
    ) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, weights=weights, precision=precision, speed_up=speed_up)

    @classmethod
    def execute(cls, weights: str, precision: str, speed_up: str = NONE) -> io.NodeOutput:
        """Load the prior outside inference mode and put it under the host's care."""
        check_speed_up(speed_up)
        kind, path = None, None
        if weights in PRIORS and not PRIORS[weights].needs_weights:
            kind = weights
        elif weights in embedded():
            path = embedded_path("prior", embedded()[weights])
        else:
            path = weights_path(weights, "pdgrad")
        with outside_inference_mode():
            prior = load_prior(path, dtype=parse_dtype(precision), kind=kind)
            notes = sped_up(speed_up, {}, prior)
            return io.NodeOutput(LoadedPrior(prior, patcher_for(prior.network), notes))


class PriorAsModel(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradPriorAsModel",
            display_name="Face Prior as MODEL",
            category="PDGrad/prior",
            description=(
                "Hands the prior to KSampler and every other sampler node, in pixel space: use the "
                "VAE 'pixel_space' (Load VAE), connect the conditioning to positive and negative, "
                "and set cfg to 1. An Empty Latent Image of 512 px gives 64 px here, since there "
                "is no latent space that shrinks by 8."
            ),
            inputs=[PriorIO.Input("prior", tooltip="From Load Face Prior.")],
            outputs=[
                io.Model.Output(
                    "model",
                    display_name="model",
                    tooltip="For KSampler and every other sampler node, in pixel space.",
                ),
                io.Conditioning.Output(
                    "conditioning",
                    display_name="conditioning",
                    tooltip="Empty, for both positive and negative.",
                ),
            ],
        )

    @classmethod
    def execute(cls, prior: LoadedPrior) -> io.NodeOutput:
        """Wrap the network as the host's model; the conditioning is empty."""
        check_native(prior)
        with outside_inference_mode():
            return io.NodeOutput(_as_native(prior), [[torch.zeros(1, 1, 1), {}]])


def check_native(loaded: LoadedPrior) -> None:
    """Raise InvalidInputError for a prior that the host's samplers cannot take."""
    loaded.prior.check_told()
    if loaded.prior.prediction == "x0":
        raise InvalidInputError(
            "This prior predicts the clean image, which the host's samplers cannot take; use a "
            "prior that predicts eps or v, or the DDPM sampler of this pack."
        )


def _offered() -> list[str]:
    """Return the published priors, then the kinds that need no file."""
    members = PRIORS.members
    published = [name for member in members.values() for name in member.weights]
    return published + [name for name, member in members.items() if not member.needs_weights]


def _as_native(loaded: LoadedPrior) -> Any:
    """Return the host's MODEL around a prior's network."""
    from .native_model import native_patcher

    return native_patcher(loaded.prior)


NODES = [LoadPrior, PriorAsModel]

"""PDGrad's own losses, at two levels, and the discriminator that another looks through."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.features import FEATURES
from ..pdgrad_core.losses import Loss
from ..pdgrad_core.losses.perceptual import PerceptualLoss
from ..pdgrad_core.parameters import Parameter, parameters_of
from . import schema
from .boundary import as_sentence, outside_inference_mode, patcher_for
from .checked import CheckedNode
from .guidance import BATCH_MODES, Towards, loss_guidance
from .node_schema import node_schema
from .sockets import FeaturesIO, Guides, GuidesIO, LoadedFeatures, LossIO
from .weights import choices, weights_path


class LoadDiscriminator(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        weights = FEATURES["discriminator"].weights
        return node_schema(
            node_id="PDGradLoadDiscriminator",
            display_name="Load Discriminator",
            category="PDGrad/loaders",
            description=(
                "Loads a StyleGAN2 discriminator in GPEN's layout, which tells photographs of "
                "faces from inventions, for the Adversarial Loss. There is none for drawn faces."
            ),
            inputs=[
                schema.choice(
                    "weights",
                    choices(weights, "facerestore_models"),
                    weights[0],
                    "GPEN-BFR-512-D.pth judges faces of 512 pixels; a missing file is explained "
                    "when the node runs.",
                )
            ],
            outputs=[
                FeaturesIO.Output(
                    "features", display_name="discriminator", tooltip="For Adversarial Loss."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, weights: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, weights=weights)

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        """Load the network outside inference mode and put it under the host's care."""
        with outside_inference_mode():
            network = FEATURES["discriminator"].load(weights_path(weights, "facerestore_models"))
            assert network.module is not None
            loaded = LoadedFeatures({network.name: network}, (patcher_for(network.module),))
            return io.NodeOutput(loaded)


class LossBuilder(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradLossBuilder",
            display_name="Face Loss",
            category="PDGrad/guidance",
            description=(
                "A loss that pulls the sampled face towards an image: at the low level its shapes "
                "and textures (ArcFace's first layers and VGG16), at the high level its identity "
                "(ArcFace's embedding). Several images of one person act as several references."
            ),
            inputs=[
                FeaturesIO.Input("features", tooltip="From Load Feature Networks."),
                io.Image.Input(
                    "image", tooltip="Where to pull: the coarse face, or reference photos, aligned."
                ),
                schema.choice(
                    "level", ["low", "high"], "low", "low: appearance; high: identity (d_arc only)."
                ),
                *_weights(),
                schema.text(
                    "perceptual_layers",
                    ", ".join(_layers().default),
                    "VGG16 layers that d_vgg compares, conv1_1 to conv5_3; LPIPS itself takes "
                    "conv5_3 instead of conv5_2.",
                ),
                schema.choice(
                    "batch_mode",
                    BATCH_MODES,
                    BATCH_MODES[0],
                    "What several images mean: one per face, or references that all count for "
                    "every face, averaged; auto: one per face where the numbers agree.",
                ),
                schema.text("name", "", "What the trace calls this loss; empty: its level."),
                GuidesIO.Input(
                    "guides",
                    optional=True,
                    tooltip="From Match People, instead of the image: each face is pulled towards "
                    "all photos of its own person, by their weights; an unknown one nowhere.",
                ),
            ],
            outputs=[
                LossIO.Output(
                    "loss",
                    display_name="loss",
                    tooltip="For Gradient Surgery, Add Guidance or the sampler.",
                )
            ],
        )

    @classmethod
    def validate_inputs(
        cls, level: str | None, perceptual_layers: str | None, batch_mode: str | None
    ) -> bool | str:
        """Refuse unknown choices and layers before anything runs."""
        if perceptual_layers is not None:
            known = as_sentence(lambda: _parse_layers(perceptual_layers))
            if known is not True:
                return f"perceptual_layers: {known}"
        return schema.check_choices(cls, level=level, batch_mode=batch_mode)

    @classmethod
    def execute(
        cls,
        features: LoadedFeatures,
        image: Tensor,
        level: str,
        weight: float,
        identity_weight: float,
        perceptual_weight: float,
        perceptual_layers: str,
        batch_mode: str,
        name: str,
        guides: Guides | None = None,
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        from ..pdgrad_core.losses.identity import IdentityLoss

        losses: dict[str, tuple[Loss, float]] = {}
        if identity_weight > 0:
            losses["arc"] = (IdentityLoss(level), weight * identity_weight)
        if level == "low" and perceptual_weight > 0:
            layers = _parse_layers(perceptual_layers)
            losses["vgg"] = (PerceptualLoss(layers), weight * perceptual_weight)
        if not losses:
            raise InvalidInputError(
                f"This {level}-level loss has no part with a weight above 0; set identity_weight"
                + (" or perceptual_weight." if level == "low" else ".")
            )
        towards = Towards(image, batch_mode, guides=guides)
        return io.NodeOutput(loss_guidance(name.strip() or level, losses, towards, features))


def _weights() -> list[Any]:
    """Return the factors of the loss and of its two parts."""
    weight = (0.0, 1_000_000.0)
    return [
        schema.real("weight", 1.0, weight, 0.1, "Factor of the whole loss."),
        schema.real("identity_weight", 1.0, weight, 0.1, "Factor of d_arc, ArcFace's part."),
        schema.real(
            "perceptual_weight",
            1.0,
            weight,
            0.1,
            "Factor of d_vgg, VGG16's part; at the high level there is none.",
        ),
    ]


def _layers() -> Parameter:
    return next(one for one in parameters_of(PerceptualLoss) if one.name == "layers")


def _parse_layers(written: str) -> list[str]:
    """Read VGG16 layers written with commas or spaces; see `schema.parse_list`."""
    return schema.parse_list(_layers(), written)


NODES = [LossBuilder, LoadDiscriminator]

"""PGDiff's properties that networks see: identity, appearance, a discriminator's opinion."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.losses.adversarial import AdversarialLoss
from ..pdgrad_core.losses.identity import IdentityLoss
from ..pdgrad_core.losses.perceptual import PerceptualLoss
from ..pdgrad_core.losses.squared_identity import SquaredIdentityLoss
from ..pdgrad_core.losses.squared_perceptual import DEFAULT_LAYERS, SquaredPerceptualLoss
from . import schema
from .boundary import as_sentence, from_host, outside_inference_mode, patcher_for
from .guidance import WiredTerm
from .losses import parse_layers
from .property_inputs import (
    batch_mode_input,
    image_input,
    loss_schema,
    restorer_input,
    weight_input,
    wired_loss,
)
from .sockets import FeaturesIO, LoadedFeatures, LoadedRestorer
from .weights import choices, weights_path


class IdentityLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradIdentityLoss",
            "Identity Loss",
            "Pulls who the face is towards a reference photo, by ArcFace's embedding: PGDiff's "
            "reference-based restoration. The squared form has weight 25 there, the cosine 10000.",
            [
                FeaturesIO.Input("features", tooltip="From Load Feature Networks."),
                image_input("Reference photos of the person, aligned."),
                weight_input(25.0),
                schema.choice(
                    "form",
                    ["squared", "cosine"],
                    "squared",
                    "squared: distance of the embeddings as they are; cosine: of their directions.",
                ),
                batch_mode_input(),
            ],
            [],
        )

    @classmethod
    def validate_inputs(cls, form: str | None, batch_mode: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, form=form, batch_mode=batch_mode)

    @classmethod
    def execute(
        cls,
        features: LoadedFeatures,
        image: Tensor,
        weight: float,
        form: str,
        batch_mode: str,
        name: str,
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        loss = SquaredIdentityLoss() if form == "squared" else IdentityLoss("high")
        with outside_inference_mode():
            target = from_host(image, "The reference")
        term = WiredTerm("arc", loss, weight)
        return wired_loss(
            name.strip() or "identity", term, target, features=features, batch_mode=batch_mode
        )


class PerceptualLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradPerceptualLoss",
            "Perceptual Loss",
            "Pulls the face's appearance towards an image by VGG16's features: squared as in "
            "PGDiff's quality guidance (weight 0.01), or LPIPS, the distance PDGrad uses.",
            [
                FeaturesIO.Input("features", tooltip="From Load Feature Networks."),
                image_input("The coarse face or a reference; with a restorer the degraded face."),
                weight_input(0.01),
                schema.choice(
                    "form",
                    ["squared", "lpips"],
                    "squared",
                    "squared: sum of squared feature differences; lpips: weighted and normalised.",
                ),
                schema.text(
                    "layers",
                    ", ".join(DEFAULT_LAYERS),
                    "VGG16 layers to compare, conv1_1 to conv5_3; LPIPS's own are conv1_2, "
                    "conv2_2, conv3_3, conv4_3, conv5_3.",
                ),
                batch_mode_input(),
            ],
            [restorer_input()],
        )

    @classmethod
    def validate_inputs(
        cls, form: str | None, layers: str | None, batch_mode: str | None
    ) -> bool | str:
        """Refuse unknown choices and layers before anything runs."""
        if layers is not None:
            known = as_sentence(lambda: parse_layers(layers))
            if known is not True:
                return known
        return schema.check_choices(cls, form=form, batch_mode=batch_mode)

    @classmethod
    def execute(
        cls,
        features: LoadedFeatures,
        image: Tensor,
        weight: float,
        form: str,
        layers: str,
        batch_mode: str,
        name: str,
        restorer: LoadedRestorer | None = None,
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        make = SquaredPerceptualLoss if form == "squared" else PerceptualLoss
        with outside_inference_mode():
            target = from_host(image, "The loss's image")
        term = WiredTerm("vgg", make(parse_layers(layers)), weight)
        more: dict[str, Any] = {"features": features, "restorer": restorer}
        return wired_loss(name.strip() or "perceptual", term, target, batch_mode=batch_mode, **more)


class LoadDiscriminator(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
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
                    choices(["gpen-discriminator"], "facerestore_models"),
                    "gpen-discriminator",
                    "GPEN-BFR-512-D.pth judges faces of 512 pixels; a missing file is explained "
                    "when the node runs.",
                )
            ],
            outputs=[FeaturesIO.Output("features", display_name="discriminator")],
        )

    @classmethod
    def validate_inputs(cls, weights: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, weights=weights)

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        """Load the network outside inference mode and put it under the host's care."""
        from ..pdgrad_core.features.discriminator import load_discriminator

        with outside_inference_mode():
            network = load_discriminator(weights_path(weights, "facerestore_models"))
            loaded = LoadedFeatures({network.name: network}, (patcher_for(network.network),))
            return io.NodeOutput(loaded)


class AdversarialLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradAdversarialLoss",
            "Adversarial Loss",
            "Pulls the face towards what a GAN's discriminator takes for a photograph: PGDiff's "
            "quality guidance, weight 0.01.",
            [
                FeaturesIO.Input("discriminator", tooltip="From Load Discriminator."),
                weight_input(0.01),
                schema.parameter_input(AdversarialLoss, "form"),
            ],
            [],
        )

    @classmethod
    def validate_inputs(cls, form: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, form=form)

    @classmethod
    def execute(
        cls, discriminator: LoadedFeatures, weight: float, form: str, name: str
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        term = WiredTerm("score", AdversarialLoss(form), weight)
        return wired_loss(name.strip() or "adversarial", term, None, features=discriminator)


NODES = [IdentityLossNode, PerceptualLossNode, LoadDiscriminator, AdversarialLossNode]

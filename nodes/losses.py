"""Losses on x0hat: the feature networks they compare by, and the losses themselves."""

import re
from pathlib import Path

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.features.vgg import LOW_TAPS, TAPS
from ..pdgrad_core.registry import unknown_name
from . import schema
from .boundary import as_sentence, from_host, outside_inference_mode, patcher_for
from .guidance import BATCH_MODES, WiredLoss, WiredTerm
from .sockets import FeaturesIO, LoadedFeatures, LossIO, Patcher
from .weights import DEMO, SCORER, choices, demo_path, weights_path

IDENTITY_CROPS = ["whole face", "arcface template"]


class LoadFeatures(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradLoadFeatures",
            display_name="Load Feature Networks",
            category="PDGrad/loaders",
            description=(
                "Loads the two networks by which faces are compared: ArcFace for who it is, VGG16 "
                "with LPIPS's weights for how it looks. The embedded demo pair knows drawn faces."
            ),
            inputs=[
                schema.choice(
                    "identity",
                    choices([DEMO, SCORER, "arcface-iresnet50", "arcface-ir-se50"], "pdgrad"),
                    DEMO,
                    "The identity network (ArcFace); the papers use iresnet50. 'demo scorer' never "
                    "guides and is for Compare Faces.",
                ),
                schema.choice(
                    "perceptual",
                    choices([DEMO, SCORER, "vgg16"], "pdgrad"),
                    DEMO,
                    "The appearance network (VGG16 with LPIPS heads).",
                ),
                schema.choice(
                    "identity_crop",
                    IDENTITY_CROPS,
                    IDENTITY_CROPS[0],
                    "What ArcFace is shown: the whole aligned face, as PGDiff does, or the part "
                    "that its own template covers.",
                ),
            ],
            outputs=[FeaturesIO.Output("features", display_name="features")],
        )

    @classmethod
    def validate_inputs(
        cls, identity: str | None, perceptual: str | None, identity_crop: str | None
    ) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(
            cls, identity=identity, perceptual=perceptual, identity_crop=identity_crop
        )

    @classmethod
    def execute(cls, identity: str, perceptual: str, identity_crop: str) -> io.NodeOutput:
        """Load both networks outside inference mode and put them under the host's care."""
        from ..pdgrad_core.features.arcface import load_arcface
        from ..pdgrad_core.features.base import FeatureNetwork
        from ..pdgrad_core.features.vgg import load_perceptual

        arcface_path = _path(identity, "arcface")
        vgg_path = _path(perceptual, "vgg")
        with outside_inference_mode():
            arcface = load_arcface(arcface_path)
            arcface.template_crop = identity_crop == IDENTITY_CROPS[1]
            vgg = load_perceptual(vgg_path)
            networks: dict[str, FeatureNetwork] = {"arcface": arcface, "vgg": vgg}
            patchers: tuple[Patcher, ...] = (
                patcher_for(arcface.network),  # type: ignore[attr-defined]
                patcher_for(vgg.trunk),
            )
            return io.NodeOutput(LoadedFeatures(networks, patchers))


def _path(choice: str, role: str) -> Path:
    if choice == SCORER:
        return demo_path(f"scorer-{role}")
    return demo_path(role) if choice == DEMO else weights_path(choice, "pdgrad")


class LossBuilder(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        weight = (0.0, 1_000_000.0)
        return io.Schema(
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
                schema.real("weight", 1.0, weight, 0.1, "Factor of the whole loss."),
                schema.real(
                    "identity_weight", 1.0, weight, 0.1, "Factor of d_arc, ArcFace's part."
                ),
                schema.real(
                    "perceptual_weight",
                    1.0,
                    weight,
                    0.1,
                    "Factor of d_vgg, VGG16's part; at the high level there is none.",
                ),
                schema.text(
                    "perceptual_layers",
                    ", ".join(LOW_TAPS),
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
            ],
            outputs=[LossIO.Output("loss", display_name="loss")],
        )

    @classmethod
    def validate_inputs(
        cls, level: str | None, perceptual_layers: str | None, batch_mode: str | None
    ) -> bool | str:
        """Refuse unknown choices and layers before anything runs."""
        if perceptual_layers is not None:
            known = as_sentence(lambda: parse_layers(perceptual_layers))
            if known is not True:
                return known
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
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        from ..pdgrad_core.losses.identity import IdentityLoss
        from ..pdgrad_core.losses.perceptual import PerceptualLoss

        terms: list[WiredTerm] = []
        if identity_weight > 0:
            terms.append(WiredTerm("arc", IdentityLoss(level), weight * identity_weight))
        if level == "low" and perceptual_weight > 0:
            loss = PerceptualLoss(parse_layers(perceptual_layers))
            terms.append(WiredTerm("vgg", loss, weight * perceptual_weight))
        if not terms:
            raise InvalidInputError(
                f"This {level}-level loss has no part with a weight above 0; set identity_weight"
                + (" or perceptual_weight." if level == "low" else ".")
            )
        with outside_inference_mode():
            target = from_host(image, "The loss's image")
        return io.NodeOutput(
            WiredLoss(name.strip() or level, tuple(terms), target, batch_mode, features)
        )


def parse_layers(layers: str) -> list[str]:
    """Read VGG16 layers written with commas or spaces.

    Raises:
        UnknownNameError: VGG16 has no layer of that name.
        InvalidInputError: There is none, or one comes twice.
    """
    names = [name for name in re.split(r"[,;\s]+", layers) if name]
    for name in names:
        if name not in TAPS:
            raise unknown_name("VGG16 layer", name, list(TAPS))
    if not names or len(set(names)) < len(names):
        raise InvalidInputError("perceptual_layers needs at least one VGG16 layer, each once.")
    return names


NODES = [LoadFeatures, LossBuilder]

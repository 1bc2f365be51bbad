"""PGDiff's properties that pixels have, as losses, and the mask in which no guidance acts."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.losses.color_statistics import ColorStatistics, ColorStatisticsLoss
from ..pdgrad_core.losses.lightness import LightnessLoss
from ..pdgrad_core.losses.pixel import PixelLoss
from . import schema
from .boundary import from_host, outside_inference_mode
from .guidance import Wired, WiredMask, WiredTerm
from .property_inputs import (
    CATEGORY,
    checked_mask,
    image_input,
    loss_schema,
    mask_input,
    masked_loss,
    restorer_input,
    weight_input,
    wired_loss,
)
from .sockets import GuidanceIO, LoadedRestorer, LossIO


class PixelLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradPixelLoss",
            "Pixel Loss",
            "Pulls the face towards an image, pixel by pixel: PGDiff's smooth semantics, where the "
            "image is a coarse restoration, or its inpainting, where a mask says what is missing.",
            [image_input("The coarse face; with a restorer the degraded one."), weight_input(1.0)],
            [
                mask_input("Where the image is missing: white pixels are not compared."),
                restorer_input(),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        weight: float,
        name: str,
        mask: Tensor | None = None,
        restorer: LoadedRestorer | None = None,
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        return masked_loss("pixel", PixelLoss, image, weight, name, mask, restorer)


class LightnessLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradLightnessLoss",
            "Lightness Loss",
            "Pulls the mean of red, green and blue towards an image's: it keeps what a grey photo "
            "shows and leaves the colours free (PGDiff's colorization and old photos).",
            [image_input("The grey photo; with a restorer the degraded one."), weight_input(1.0)],
            [
                mask_input("Where the image is missing: white pixels are not compared."),
                restorer_input(),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        weight: float,
        name: str,
        mask: Tensor | None = None,
        restorer: LoadedRestorer | None = None,
    ) -> io.NodeOutput:
        """Describe the loss; it is computed in the sampler."""
        return masked_loss("lightness", LightnessLoss, image, weight, name, mask, restorer)


class ColorStatisticsLossNode(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return loss_schema(
            "PDGradColorStatisticsLoss",
            "Colour Statistics Loss",
            "Pulls each colour channel's mean and spread towards a style's: the average of "
            "CelebA-HQ portraits, or that of your own pictures (PGDiff's colorization).",
            [weight_input(0.05), schema.parameter_input(ColorStatisticsLoss, "stop_gradient")],
            [
                io.Image.Input(
                    "style",
                    optional=True,
                    tooltip="Pictures whose colours are wanted; each counts the same.",
                )
            ],
        )

    @classmethod
    def execute(
        cls, weight: float, stop_gradient: bool, name: str, style: Tensor | None = None
    ) -> io.NodeOutput:
        """Measure the style and describe the loss; it is computed in the sampler."""
        with outside_inference_mode():
            colors = ColorStatistics()
            if style is not None:
                pictures = from_host(style, "The colour style")
                colors = ColorStatistics.of(list(pictures.split(1)))
        loss = ColorStatisticsLoss(colors, stop_gradient)
        return wired_loss(name.strip() or "color", WiredTerm("statistics", loss, weight), None)


class MaskGuidance(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradMaskGuidance",
            display_name="Mask Guidance",
            category=CATEGORY,
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
            outputs=[GuidanceIO.Output("guidance_out", display_name="guidance")],
        )

    @classmethod
    def execute(cls, guidance: Wired, mask: Tensor) -> io.NodeOutput:
        """Describe the masked guidance; it is computed in the sampler."""
        return io.NodeOutput(WiredMask(guidance, checked_mask(mask, None)))


NODES = [PixelLossNode, LightnessLossNode, ColorStatisticsLossNode, MaskGuidance]

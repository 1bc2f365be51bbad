"""Degrading clean faces: a paper's setting, or one's own values."""

import json
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.degradations.base import KERNELS, MAX_SCALE, MIN_SCALE, RESIZE_MODES, Degradation
from ..pdgrad_core.degradations.presets import PRESETS, degrade
from . import schema
from .boundary import from_host, outside_inference_mode, to_host
from .checked import CheckedNode
from .node_schema import node_schema

OWN = "own values"


class Degrade(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradDegrade",
            display_name="Degrade Face",
            category="PDGrad/degrade",
            description=(
                "Blurs, shrinks, adds noise, compresses and enlarges again, to study restoration "
                "where the truth is known. A preset draws from a paper's ranges by the seed; "
                "'own values' applies the values below."
            ),
            inputs=[
                io.Image.Input("image", tooltip="Clean aligned faces."),
                schema.choice(
                    "preset", [*PRESETS, OWN], "pdgrad", "Whose ranges, or your own values below."
                ),
                schema.seed("Draws the values and the noise; image i of a batch takes seed + i."),
                *_own_inputs(),
            ],
            outputs=[
                io.Image.Output("degraded", display_name="image", tooltip="The degraded faces."),
                io.String.Output(
                    "values",
                    display_name="values (JSON)",
                    tooltip="What each image went through, as JSON.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(
        cls, preset: str | None, kernel: str | None, kernel_px: int | None, resize_mode: str | None
    ) -> bool | str:
        """Refuse unknown choices, and an even window, which has no middle."""
        if kernel_px is None or (kernel_px % 2 == 1 and 1 <= kernel_px <= 255):
            return schema.check_choices(cls, preset=preset, kernel=kernel, resize_mode=resize_mode)
        return f"kernel_px must be an odd number from 1 to 255, not {kernel_px}."

    @classmethod
    def execute(cls, image: Tensor, preset: str, seed: int, **own: Any) -> io.NodeOutput:
        """Degrade every image of the batch with its own seed."""
        with outside_inference_mode():
            clean = from_host(image, "The image to degrade")
            setting = _own_setting(own) if preset == OWN else preset
            count = clean.shape[0]
            # A seed near the top of the host's range goes on from 0 with the next image.
            seeds = [(seed + index) % 2**64 for index in range(count)]
            degraded, drawn = degrade(clean, setting, seeds)
            values = [one.describe() for one in drawn]
            return io.NodeOutput(to_host(degraded), json.dumps(values, indent=1))


def _own_inputs() -> list[Any]:
    return [
        schema.choice("kernel", list(KERNELS), "gaussian", "Kind of blur."),
        schema.whole("kernel_px", 41, (1, 255), "Side of the blur window, odd.", "px", step=2),
        schema.real("sigma_px", 4.0, (0.0, 100.0), 0.1, "Width of the Gaussian.", "px"),
        schema.real(
            "sigma_across_px", 4.0, (0.0, 100.0), 0.1, "Its width across the first axis.", "px"
        ),
        schema.real(
            "angle_deg", 0.0, (-360.0, 360.0), 1.0, "Direction of the first axis or the motion.",
            "degrees",
        ),
        schema.real("length_px", 1.0, (1.0, 255.0), 1.0, "Length of the motion.", "px"),
        schema.real(
            "scale", 8.0, (MIN_SCALE, MAX_SCALE), 0.5, "Sides are divided by it; 1 keeps the size."
        ),
        schema.real(
            "noise_delta", 10.0, (0.0, 255.0), 1.0, "Standard deviation of the noise.", "of 255"
        ),
        schema.whole(
            "jpeg_quality", 60, (0, 100), "Quality of the JPEG compression; 0 leaves it out."
        ),
        schema.switch("resize_back", True, "Whether the result has the size of the input."),
        schema.choice("resize_mode", list(RESIZE_MODES), "bilinear", "How sizes are changed."),
        schema.switch(
            "antialias", False, "Whether shrinking low-passes first; most papers' code does not."
        ),
    ]  # fmt: skip


def _own_setting(own: dict[str, Any]) -> Degradation:
    return Degradation(
        kernel=own["kernel"],
        kernel_px=own["kernel_px"],
        sigma_px=(own["sigma_px"], own["sigma_across_px"]),
        angle_deg=own["angle_deg"],
        length_px=own["length_px"],
        scale=own["scale"],
        noise_delta=own["noise_delta"],
        jpeg_quality=own["jpeg_quality"] or None,
        resize_back=own["resize_back"],
        resize_mode=own["resize_mode"],
        antialias=own["antialias"],
    )


NODES = [Degrade]

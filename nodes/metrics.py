"""Comparing a result with the truth, or with a reference of the same person."""

from __future__ import annotations

import json
import math
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import resize
from . import schema
from .boundary import from_host, load_networks, outside_inference_mode
from .checked import CheckedNode
from .node_schema import node_schema
from .sockets import FeaturesIO, LoadedFeatures

AGAINST = ["truth", "reference"]

NAMES = ("psnr", "ssim", "lpips", "deg")


def _outputs() -> list[Any]:
    """Return the summary and the average of each metric."""
    return [
        io.String.Output("summary", display_name="summary", tooltip="The averages in words."),
        io.Float.Output(
            "psnr",
            display_name="PSNR (dB)",
            tooltip="Peak signal-to-noise ratio, averaged; NaN where not measured.",
        ),
        io.Float.Output(
            "ssim",
            display_name="SSIM",
            tooltip="Structural similarity, averaged; NaN where not measured.",
        ),
        io.Float.Output(
            "lpips",
            display_name="LPIPS",
            tooltip="Perceptual distance, averaged; NaN where not measured.",
        ),
        io.Float.Output(
            "deg",
            display_name="Deg (degrees)",
            tooltip="Angle between the identities, averaged; NaN where not measured.",
        ),
    ]


class Compare(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradCompare",
            display_name="Compare Faces",
            category="PDGrad/metrics",
            description=(
                "Measures how near a result is to the truth (PSNR, SSIM, and with feature networks "
                "LPIPS and the identity angle Deg), or how alike it is to a reference photo of the "
                "same person (Deg only). A network that guided a restoration favours it: score "
                "with another one. What was not measured is NaN."
            ),
            inputs=[
                io.Image.Input("result", tooltip="The restored faces."),
                io.Image.Input("truth", tooltip="The true faces, or one, or the reference."),
                schema.choice(
                    "against",
                    AGAINST,
                    AGAINST[0],
                    "truth: the same photo undegraded; reference: another photo of the person.",
                ),
                FeaturesIO.Input(
                    "features", optional=True, tooltip="Needed for LPIPS and the identity angle."
                ),
            ],
            outputs=_outputs(),
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, against: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, against=against)

    @classmethod
    def execute(
        cls, result: Tensor, truth: Tensor, against: str, features: LoadedFeatures | None = None
    ) -> io.NodeOutput:
        """Measure, averaged over the batch, and show the figures on the node."""
        if against == "reference" and features is None:
            raise InvalidInputError(
                "Comparing with a reference means comparing identities, which needs the feature "
                "networks; connect Load Feature Networks."
            )
        with outside_inference_mode():
            first, second = from_host(result, "The result"), from_host(truth, "The truth")
            second = _matched(second, first, against)
            values = _measured(first, second, against, features)
        summary = "\n".join(_line(name, value) for name, value in values.items())
        averages = [sum(values[n]) / len(values[n]) if n in values else math.nan for n in NAMES]
        return io.NodeOutput(
            summary,
            *averages,
            ui={"pdgrad_text": [summary], "pdgrad_values": [json.dumps(values)]},
        )


def _matched(truth: Tensor, result: Tensor, against: str) -> Tensor:
    """Return the truth in the result's number, and a reference also in its size."""
    if truth.shape[0] not in (1, result.shape[0]):
        raise InvalidInputError(
            f"There are {truth.shape[0]} true images for {result.shape[0]} results; give one for "
            "all, or one for each."
        )
    if against == "reference":
        height, width = result.shape[-2:]
        truth = resize(truth, height, width, "bicubic").clamp(-1, 1)
    return truth.expand(result.shape[0], -1, -1, -1)


def _measured(
    result: Tensor, truth: Tensor, against: str, features: LoadedFeatures | None
) -> dict[str, list[float]]:
    from ..pdgrad_core.features.arcface import ArcFace
    from ..pdgrad_core.losses.perceptual import LPIPSDistance
    from ..pdgrad_core.metrics import METRICS

    metrics = {} if against == "reference" else {n: METRICS[n]() for n in ("psnr", "ssim")}
    if features is not None:
        device = load_networks(features.patchers)
        result, truth = result.to(device), truth.to(device)
        for network in features.networks.values():
            network.to(device)
        arcface = features.networks["arcface"]
        assert isinstance(arcface, ArcFace)
        if against == "truth":
            distance = LPIPSDistance(features.networks["vgg"])
            metrics["lpips"] = METRICS["lpips"](distance)  # type: ignore[call-arg]
        metrics["deg"] = METRICS["deg"](arcface.embed)  # type: ignore[call-arg]
    return {name: metric(result, truth).tolist() for name, metric in metrics.items()}


def _line(name: str, values: list[float]) -> str:
    from ..pdgrad_core.metrics import METRICS

    metric = METRICS[name]
    better = "higher is better" if metric.higher_is_better else "lower is better"
    average = sum(values) / len(values)
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{metric.label} {average:.4g}{unit} ({better})"


NODES = [Compare]

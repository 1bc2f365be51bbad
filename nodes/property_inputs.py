"""What the nodes of PGDiff's properties have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.losses import Loss
from ..pdgrad_core.masks import check_mask
from . import schema
from .boundary import from_host, mask_from_host, outside_inference_mode
from .guidance import BATCH_MODES, WiredLoss, WiredTerm
from .sockets import LoadedRestorer, LossIO, RestorerIO

CATEGORY = "PDGrad/guidance"


def loss_schema(
    node_id: str, title: str, description: str, inputs: list[Any], optional: list[Any]
) -> io.Schema:
    """Return a loss node's public interface: its inputs, a name, then what may be left out."""
    name = schema.text("name", "", "What the trace calls this loss; empty: its kind.")
    return io.Schema(
        node_id=node_id,
        display_name=title,
        category=CATEGORY,
        description=description,
        inputs=[*inputs, name, *optional],
        outputs=[LossIO.Output("loss", display_name="loss")],
    )


def image_input(tooltip: str) -> Any:
    """Return the input for the image that a loss pulls towards."""
    return io.Image.Input("image", tooltip=tooltip)


def weight_input(default: float) -> Any:
    """Return the input for a loss's factor."""
    return schema.real("weight", default, (0.0, 1_000_000.0), 0.01, "Factor of the loss.")


def mask_input(tooltip: str) -> Any:
    """Return the input for missing pixels."""
    return io.Mask.Input("mask", optional=True, tooltip=tooltip)


def restorer_input() -> Any:
    """Return the input for a restorer that makes a loss's target."""
    tooltip = "Makes the target from the image; PGDiff's own does so anew at every step."
    return RestorerIO.Input("restorer", optional=True, tooltip=tooltip)


def batch_mode_input() -> Any:
    """Return the input for what several images mean."""
    return schema.choice(
        "batch_mode",
        BATCH_MODES,
        BATCH_MODES[0],
        "What several images mean: one per face, or references that all count for every face.",
    )


def masked_loss(
    kind: str,
    make: Callable[[Tensor | None], Loss],
    image: Tensor,
    weight: float,
    name: str,
    mask: Tensor | None,
    restorer: LoadedRestorer | None,
) -> io.NodeOutput:
    """Return a loss on the pixels that a mask leaves."""
    with outside_inference_mode():
        target = from_host(image, "The loss's image")
    missing = None if mask is None else checked_mask(mask, target)
    return wired_loss(
        name.strip() or kind,
        WiredTerm("image", make, weight),
        target,
        restorer=restorer,
        mask=missing,
    )


def checked_mask(mask: Tensor, image: Tensor | None) -> Tensor:
    """Return a MASK as `(B, 1, H, W)`; one that cannot be used is refused here, before any work."""
    with outside_inference_mode():
        found = mask_from_host(mask)
        size = (found if image is None else image).shape[-2:]
        return check_mask(found, size[0], size[1])


def wired_loss(name: str, term: WiredTerm, image: Tensor | None, **more: Any) -> io.NodeOutput:
    """Return a loss of one term; `more` are `WiredLoss`'s further attributes."""
    return io.NodeOutput(WiredLoss(name, (term,), image, **more))

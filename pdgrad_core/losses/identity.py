"""d_arc, the cosine distance of ArcFace features: PDGrad's identity loss at every level."""

from typing import Annotated

import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..features.arcface import ArcFace
from ..features.base import FeatureNetwork, Features
from ..parameters import Param, check_parameters
from .base import LOSSES, Card, ClosedFormLoss


@LOSSES.register("identity")
class IdentityLoss(ClosedFormLoss):
    """Sum over taps of d_arc(p, q) = 1 - <p, q> / (|p| |q|), feature maps flattened.

    Source: PDGrad, the terms d_arc(u_i(x0hat), u_i(y_a)): u_1..u_3 at the low level, u_4 (the
    embedding) at the high level.

    Deviations: where a feature is exactly zero the distance is 1 and its gradient zero.

    Args:
        level: "low" for u_1..u_3, "high" for the embedding.

    Example:
        >>> IdentityLoss("high").level
        'high'
    """

    network = "arcface"
    card = Card(
        form_of="squared_identity",
        form="cosine",
        name="identity",
        part="arc",
        fixed={"level": "high"},
    )

    def __init__(
        self,
        level: Annotated[
            str, Param(choices=("low", "high"), tooltip="Which ArcFace features are compared.")
        ] = "high",
    ) -> None:
        check_parameters(type(self), {"level": level})
        self.level = level

    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        if not isinstance(network, ArcFace):
            raise InvalidInputError(
                f"The identity loss needs an ArcFace network, not {network.name!r}."
            )
        return network.low_taps if self.level == "low" else (network.embedding_tap,)

    def target(self, network: FeatureNetwork, image: Tensor, /) -> Features:
        """Return the target's unit features; see `Loss`."""
        return {tap: _unit(value)[0] for tap, value in super().target(network, image).items()}

    def formula(
        self, features: Features, target: Features, network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and d/dp d_arc = (cos p/|p| - q/|q|) / |p|; see `ClosedFormLoss`."""
        value: Tensor | None = None
        found: Features = {}
        for tap in self.taps(network):
            p, inverse_norm = _unit(features[tap])
            cosine = (p * target[tap]).sum(1)
            value = 1 - cosine if value is None else value + 1 - cosine
            g = (cosine[:, None] * p - target[tap]) * inverse_norm
            found[tap] = g.view_as(features[tap])
        assert value is not None
        return value, found


def _unit(feature: Tensor) -> tuple[Tensor, Tensor]:
    """Return features `(B, N)` of unit length and 1/|p| `(B, 1)`; both zero where p is zero."""
    flat = feature.flatten(1)
    norm = flat.norm(dim=1, keepdim=True)
    inverse = torch.where(norm > 0, 1 / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0.0)
    return flat * inverse, inverse

"""The prior as the sampler sees it: what it is asked, and what its answer means."""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from .schedule import Schedule

Prediction = Literal["eps", "x0", "v"]
"""What the network predicts: the noise, the clean image, or sqrt(abar) eps - sqrt(1-abar) x_0."""

VarianceKind = Literal["learned_range", "fixed_small", "fixed_large"]
"""Sigma_t: between betatilde_t and beta_t as the network says, or one of the two."""


@dataclass(frozen=True)
class PriorOutput:
    """One evaluation of a prior.

    Attributes:
        prediction: `(B, 3, H, W)`, of the prior's `prediction` kind.
        variance_fraction: `(B, 3, H, W)`, the raw v in [-1, 1] of a learned range; else None.
    """

    prediction: Tensor
    variance_fraction: Tensor | None = None


class Prior(Protocol):
    """What the sampling loop asks of a prior; anything that has this can be sampled."""

    schedule: Schedule
    prediction: Prediction
    variance: VarianceKind

    def __call__(self, x_t: Tensor, t: int) -> PriorOutput:
        """Evaluate at x_t `(B, 3, H, W)` and the original timestep t."""
        ...

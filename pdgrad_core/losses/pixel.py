"""Squared error of pixels: PGDiff's smooth semantics, and known pixels when inpainting."""

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from .base import LOSSES, Card, MaskedPixelsLoss


@LOSSES.register("pixel")
class PixelLoss(MaskedPixelsLoss):
    """Sum over pixels of (x0hat - target)^2, over the known pixels where a mask is given.

    Source: PGDiff, "smooth semantics" and inpainting; summed, not averaged, as in its official
    code.

    Example:
        >>> PixelLoss().network
        'pixels'
    """

    card = Card(
        description="Pulls the face towards an image, pixel by pixel: PGDiff's smooth semantics, "
        "where the image is a coarse restoration, or its inpainting, where a mask says what is "
        "missing.",
        image="The coarse face; with a restorer the degraded one.",
        restored=True,
        part="image",
    )

    def formula(
        self, features: Features, target: Features, _network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and 2 (x0hat - target) on the known pixels; see `ClosedFormLoss`."""
        difference = self.masked(features["image"] - target["image"])
        return (difference**2).flatten(1).sum(1), {"image": 2 * difference}

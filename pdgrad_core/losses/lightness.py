"""Squared error of the grey image: PGDiff's lightness, for colorization and old photos."""

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from .base import LOSSES, Card, MaskedPixelsLoss


@LOSSES.register("lightness")
class LightnessLoss(MaskedPixelsLoss):
    """3 sum over pixels of (grey(x0hat) - grey(target))^2, grey being the mean of R, G and B.

    Source: PGDiff section 4.2 and its official code, where the grey image is repeated over three
    channels before the sum: hence the 3. On old photos only the known pixels count (section 4.4).

    Example:
        >>> LightnessLoss().network
        'pixels'
    """

    card = Card(
        description="Pulls the mean of red, green and blue towards an image's: it keeps what a "
        "grey photo shows and leaves the colours free (PGDiff's colorization and old photos).",
        image="The grey photo; with a restorer the degraded one.",
        restored=True,
        part="image",
    )

    def target(self, network: FeatureNetwork, image: Tensor, /) -> Features:
        """Return the target's grey image `(B, 1, H, W)`; see `Loss`."""
        return {"grey": super().target(network, image)["image"].mean(1, keepdim=True)}

    def formula(
        self, features: Features, target: Features, _network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and, for every channel, 2 (grey(x0hat) - grey(target))."""
        image = features["image"]
        difference = self.masked(image.mean(1, keepdim=True) - target["grey"])
        return 3 * (difference**2).flatten(1).sum(1), {"image": (2 * difference).expand_as(image)}

"""Squared error of the grey image: PGDiff's lightness, for colorization and old photos."""

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from ..masks import check_same_size, keep_known, known_pixels
from .base import LOSSES, Loss


@LOSSES.register("lightness")
class LightnessLoss(Loss):
    """3 sum over pixels of (grey(x0hat) - grey(target))^2, grey being the mean of R, G and B.

    Source: PGDiff section 4.2 and its official code, where the grey image is repeated over three
    channels before the sum: hence the 3. On old photos only the known pixels count (section 4.4).

    Args:
        mask: `(B or 1, 1, H, W)`, 1 where a pixel is missing; fractions count as missing. None:
            every pixel is known.

    Raises:
        InvalidInputError: The mask has another shape.

    Example:
        >>> LightnessLoss().network
        'pixels'
    """

    network = "pixels"

    def __init__(self, mask: Tensor | None = None) -> None:
        self.known = None if mask is None else known_pixels(mask)

    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:  # noqa: ARG002
        """See `Loss`."""
        return ("image",)

    def target(self, network: FeatureNetwork, image: Tensor) -> Features:  # noqa: ARG002
        """Return the target's grey image `(B, 1, H, W)`; see `Loss`."""
        check_same_size(self.known, image)
        return {"grey": image.mean(1, keepdim=True)}

    def __call__(self, network: FeatureNetwork, features: Features, target: Features) -> Tensor:
        """See `Loss`."""
        return self.cotangent(network, features, target)[0]

    def cotangent(
        self,
        network: FeatureNetwork,  # noqa: ARG002
        features: Features,
        target: Features,
    ) -> tuple[Tensor, Features]:
        """Return the loss and, for every channel, 2 (grey(x0hat) - grey(target)); see `Loss`."""
        image = features["image"]
        difference = keep_known(image.mean(1, keepdim=True) - target["grey"], self.known)
        return 3 * (difference**2).flatten(1).sum(1), {"image": (2 * difference).expand_as(image)}

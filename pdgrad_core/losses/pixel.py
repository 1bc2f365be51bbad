"""Squared error of pixels: PGDiff's smooth semantics, and known pixels when inpainting."""

from torch import Tensor

from ..features.base import FeatureNetwork, Features
from ..masks import check_same_size, keep_known, known_pixels
from .base import LOSSES, Loss


@LOSSES.register("pixel")
class PixelLoss(Loss):
    """Sum over pixels of (x0hat - target)^2, over the known pixels where a mask is given.

    Source: PGDiff, "smooth semantics" and inpainting; summed, not averaged, as in its official
    code.

    Args:
        mask: `(B or 1, 1, H, W)`, 1 where a pixel is missing; fractions count as missing, as in the
            official code. None: every pixel is known.

    Raises:
        InvalidInputError: The mask has another shape.

    Example:
        >>> PixelLoss().network
        'pixels'
    """

    network = "pixels"

    def __init__(self, mask: Tensor | None = None) -> None:
        self.known = None if mask is None else known_pixels(mask)

    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:  # noqa: ARG002
        """See `Loss`."""
        return ("image",)

    def target(self, network: FeatureNetwork, image: Tensor) -> Features:
        """Return the target image, once its size is known to be the mask's; see `Loss`."""
        check_same_size(self.known, image)
        return super().target(network, image)

    def __call__(self, network: FeatureNetwork, features: Features, target: Features) -> Tensor:
        """See `Loss`."""
        return self.cotangent(network, features, target)[0]

    def cotangent(
        self,
        network: FeatureNetwork,  # noqa: ARG002
        features: Features,
        target: Features,
    ) -> tuple[Tensor, Features]:
        """Return the loss and 2 (x0hat - target) on the known pixels; see `Loss`."""
        difference = keep_known(features["image"] - target["image"], self.known)
        return (difference**2).flatten(1).sum(1), {"image": 2 * difference}

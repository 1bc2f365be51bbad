"""Squared error of pixels: PGDiff's smooth semantics, and known pixels when inpainting."""

from torch import Tensor

from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
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
        if mask is not None and (mask.ndim != 4 or mask.shape[1] != 1):
            raise InvalidInputError(
                f"A mask must be (B, 1, H, W), 1 where a pixel is missing, not {tuple(mask.shape)}."
            )
        self.known = None if mask is None else (mask == 0)

    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:  # noqa: ARG002
        """See `Loss`."""
        return ("image",)

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
        difference = features["image"] - target["image"]
        if self.known is not None:
            difference = difference * self.known.to(difference)
        return (difference**2).flatten(1).sum(1), {"image": 2 * difference}

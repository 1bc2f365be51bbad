"""The squared distance of VGG16 features: the perceptual loss of PGDiff's quality guidance."""

from collections.abc import Sequence

from torch import Tensor

from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
from .base import LOSSES, Loss

DEFAULT_LAYERS = ("conv2_2",)
"""The layer that Johnson et al. 2016 compare for super-resolution."""


@LOSSES.register("squared_perceptual")
class SquaredPerceptualLoss(Loss):
    """Sum over layers of |VGG(x0hat) - VGG(target)|^2, features after their ReLU.

    Source: PGDiff section 4.6, weight 1e-2. The official code does not contain it and the paper
    names no layer: ours is Johnson et al.'s, and it is summed like PGDiff's other losses. For the
    distance that people agree with, take `PerceptualLoss` (LPIPS).

    Args:
        layers: VGG16 taps.

    Example:
        >>> SquaredPerceptualLoss().layers
        ('conv2_2',)
    """

    network = "vgg"

    def __init__(self, layers: Sequence[str] = DEFAULT_LAYERS) -> None:
        if not layers:
            raise InvalidInputError(
                "The squared perceptual loss needs at least one VGG16 layer, not none."
            )
        self.layers = tuple(layers)

    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:
        """See `Loss`."""
        network.check_taps(self.layers)
        return self.layers

    def __call__(self, network: FeatureNetwork, features: Features, target: Features) -> Tensor:
        """See `Loss`."""
        return self.cotangent(network, features, target)[0]

    def cotangent(
        self,
        network: FeatureNetwork,  # noqa: ARG002
        features: Features,
        target: Features,
    ) -> tuple[Tensor, Features]:
        """Return the loss and 2 (f - f_target) for each layer; see `Loss`."""
        difference = {tap: features[tap] - target[tap] for tap in self.layers}
        values = [(d**2).flatten(1).sum(1) for d in difference.values()]
        return sum(values[1:], values[0]), {tap: 2 * d for tap, d in difference.items()}

"""The squared distance of VGG16 features: the perceptual loss of PGDiff's quality guidance."""

from collections.abc import Sequence
from typing import Annotated

from torch import Tensor

from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
from ..features.vgg import TAPS
from ..parameters import Param
from .base import LOSSES, Card, ClosedFormLoss

DEFAULT_LAYERS = ("conv2_2",)
"""The layer that Johnson et al. 2016 compare for super-resolution."""


@LOSSES.register("squared_perceptual")
class SquaredPerceptualLoss(ClosedFormLoss):
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
    card = Card(
        title="Perceptual Loss",
        node="PerceptualLoss",
        description="Pulls the face's appearance towards an image by VGG16's features: squared as "
        "in PGDiff's quality guidance (weight 0.01), or LPIPS, the distance PDGrad uses.",
        weight=0.01,
        image="The coarse face or a reference; with a restorer the degraded face.",
        several=True,
        restored=True,
        name="perceptual",
        form="squared",
        forms="squared: sum of squared feature differences; lpips: weighted and normalised.",
    )

    def __init__(
        self,
        layers: Annotated[
            Sequence[str],
            Param(
                choices=TAPS,
                what="VGG16 layer",
                tooltip="VGG16 layers to compare, conv1_1 to conv5_3; LPIPS's own are conv1_2, "
                "conv2_2, conv3_3, conv4_3, conv5_3.",
            ),
        ] = DEFAULT_LAYERS,
    ) -> None:
        if not layers:
            raise InvalidInputError(
                "The squared perceptual loss needs at least one VGG16 layer, not none."
            )
        self.layers = tuple(layers)

    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        network.check_taps(self.layers)
        return self.layers

    def formula(
        self, features: Features, target: Features, _network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and 2 (f - f_target) for each layer; see `ClosedFormLoss`."""
        difference = {tap: features[tap] - target[tap] for tap in self.layers}
        values = [(d**2).flatten(1).sum(1) for d in difference.values()]
        return sum(values[1:], values[0]), {tap: 2 * d for tap, d in difference.items()}

"""The squared error of un-normalised ArcFace embeddings: PGDiff's identity reference."""

from torch import Tensor

from ..errors import InvalidInputError
from ..features.arcface import ArcFace
from ..features.base import FeatureNetwork, Features
from .base import LOSSES, Loss


@LOSSES.register("squared_identity")
class SquaredIdentityLoss(Loss):
    """Sum over the embedding of (E(x0hat) - E(ref))^2, embeddings not normalised.

    Source: PGDiff's official code (its paper's table writes a cosine-like distance; weight 25
    there).

    Example:
        >>> SquaredIdentityLoss().network
        'arcface'
    """

    network = "arcface"

    def taps(self, network: FeatureNetwork) -> tuple[str, ...]:
        """See `Loss`."""
        if not isinstance(network, ArcFace):
            raise InvalidInputError(
                f"The squared identity loss needs an ArcFace network, not {network.name!r}."
            )
        return (network.embedding_tap,)

    def __call__(self, network: FeatureNetwork, features: Features, target: Features) -> Tensor:
        """See `Loss`."""
        (tap,) = self.taps(network)
        return ((features[tap] - target[tap]) ** 2).flatten(1).sum(1)

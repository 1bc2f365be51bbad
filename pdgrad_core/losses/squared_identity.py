"""The squared error of un-normalised ArcFace embeddings: PGDiff's identity reference."""

from torch import Tensor

from ..errors import InvalidInputError
from ..features.arcface import ArcFace
from ..features.base import FeatureNetwork, Features
from .base import LOSSES, Card, Loss


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
    card = Card(
        title="Identity Loss",
        node="IdentityLoss",
        description="Pulls who the face is towards a reference photo, by ArcFace's embedding: "
        "PGDiff's reference-based restoration. The squared form has weight 25 there, the cosine "
        "10000.",
        weight=25.0,
        image="Reference photos of the person, aligned.",
        several=True,
        name="identity",
        part="arc",
        form="squared",
        forms="squared: distance of the embeddings as they are; cosine: of their directions.",
    )

    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        if not isinstance(network, ArcFace):
            raise InvalidInputError(
                f"The squared identity loss needs an ArcFace network, not {network.name!r}."
            )
        return (network.embedding_tap,)

    def __call__(self, network: FeatureNetwork, features: Features, target: Features, /) -> Tensor:
        """See `Loss`."""
        (tap,) = self.taps(network)
        return ((features[tap] - target[tap]) ** 2).flatten(1).sum(1)

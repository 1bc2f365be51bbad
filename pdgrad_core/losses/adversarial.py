"""What a GAN's discriminator thinks of x0hat: the adversarial loss of PGDiff's quality guidance."""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
from ..parameters import Param, check_parameters
from .base import LOSSES, Card, ClosedFormLoss


@LOSSES.register("adversarial")
class AdversarialLoss(ClosedFormLoss):
    """softplus(-D(x0hat)): small where the discriminator takes x0hat for a photograph.

    Source: PGDiff section 4.6, weight 1e-2; the loss of StyleGAN2's generator (Karras et al. 2020,
    after Goodfellow et al. 2014).

    Deviations: the paper adds a multiple of D itself and states no sign; "linear" is -D, whose pull
    does not weaken as x0hat becomes convincing. The official code contains neither.

    Args:
        form: "logistic" for softplus(-D), "linear" for -D.

    Example:
        >>> AdversarialLoss().network
        'discriminator'
    """

    network = "discriminator"
    takes_target = False
    card = Card(
        description="Pulls the face towards what a GAN's discriminator takes for a photograph: "
        "PGDiff's quality guidance, weight 0.01.",
        weight=0.01,
        part="score",
    )

    def __init__(
        self,
        form: Annotated[
            str,
            Param(
                choices=("logistic", "linear"),
                tooltip="logistic fades as the face convinces the discriminator; linear does not.",
            ),
        ] = "logistic",
    ) -> None:
        check_parameters(type(self), {"form": form})
        self.form = form

    def taps(self, network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        if network.name != self.network:
            raise InvalidInputError(
                f"The adversarial loss needs a discriminator, not {network.name!r}."
            )
        return ("score",)

    def formula(
        self, features: Features, _target: Features, _network: FeatureNetwork, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and -sigmoid(-D), or -D and -1; see `ClosedFormLoss`."""
        score = features["score"].flatten(1).sum(1)
        if self.form == "linear":
            return -score, {"score": -torch.ones_like(features["score"])}
        return F.softplus(-score), {"score": -torch.sigmoid(-features["score"])}

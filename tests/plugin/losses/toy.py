"""A loss on the toy network's features."""

from typing import Annotated

from ..parameters import Param
from .base import LOSSES, Loss


@LOSSES.register("toy_loss")
class ToyLoss(Loss):
    """Pulls the half-sized face towards an image's."""

    network = "toy_network"

    def __init__(
        self,
        sharpness: Annotated[float, Param(0.1, 10.0, 0.1, tooltip="Factor of the toy.")] = 1.0,
    ):
        self.sharpness = sharpness

    def taps(self, _network, /):
        return ("half",)

    def __call__(self, _network, features, target, /):
        return self.sharpness * ((features["half"] - target["half"]) ** 2).flatten(1).sum(1)

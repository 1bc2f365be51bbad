"""A contraction that goes part of the way to an image."""

from typing import Annotated

from ..parameters import Param
from .base import CONTRACTIONS, Contraction


@CONTRACTIONS.register("toy_contraction")
class ToyContraction(Contraction):
    """Moves the estimate part of the way to an image."""

    def __init__(
        self,
        image,
        mask=None,
        *,
        weight: Annotated[float, Param(0.0, 1.0, 0.05, tooltip="How far.")] = 0.5,
    ):
        self.image, self.mask, self.weight = image, mask, weight

    def __call__(self, x0hat, context):
        return x0hat + self.weight * (self.image.to(x0hat) - x0hat)

    def prepare(self, on_iteration=None):
        return self.image

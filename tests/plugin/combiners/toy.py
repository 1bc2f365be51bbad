"""A surgery that is none: a share of every gradient."""

from typing import Annotated

from ..parameters import Param
from .base import COMBINERS, Combiner


@COMBINERS.register("toy_combiner")
class ToyCombiner(Combiner):
    """Add the gradients, each scaled by a share."""

    def __init__(
        self, share: Annotated[float, Param(0.0, 1.0, 0.1, tooltip="How much of each.")] = 1.0
    ):
        self.share = share

    def lengths(self, gram, pivot):
        return self.share * gram.norms

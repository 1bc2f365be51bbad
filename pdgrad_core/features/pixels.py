"""The network that does nothing, for losses that compare pixels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..registry import unknown_name
from .base import FEATURES, FeatureNetwork, Features, Pullback


@FEATURES.register("pixels")
class Pixels(FeatureNetwork):
    """The network that does nothing: its one tap is the image itself."""

    name = "pixels"

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """Return the image under each tap name; see `FeatureNetwork`."""
        self.check_taps(taps)
        return {"image": image}

    def check_taps(self, taps: Sequence[str]) -> None:
        """Accept "image" only; see `FeatureNetwork`."""
        for tap in taps:
            if tap != "image":
                raise unknown_name("tap of pixels", tap, ["image"])

    def vjp(self, image: Tensor, taps: Sequence[str]) -> tuple[Features, Pullback]:
        """Return the image; its adjoint hands each cotangent through. See `FeatureNetwork`."""
        features = self.features(image, taps)
        return features, lambda cotangents: torch.stack([c["image"] for c in cotangents])

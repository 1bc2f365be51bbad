"""A feature network without weights: the image at half its size."""

import torch.nn.functional as F

from ..registry import unknown_name
from .base import FEATURES, FeatureNetwork


@FEATURES.register("toy_network")
class ToyNetwork(FeatureNetwork):
    """The image at half its size."""

    name = "toy_network"

    def features(self, image, taps):
        self.check_taps(taps)
        return {"half": F.avg_pool2d(image, 2)}

    def check_taps(self, taps):
        for tap in taps:
            if tap != "half":
                raise unknown_name("tap of the toy network", tap, ["half"])

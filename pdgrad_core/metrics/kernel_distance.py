"""Kernel distance: how unlike all results together are to all true faces."""

from collections.abc import Callable

from torch import Tensor

from ..dependencies import require
from ..errors import InvalidInputError
from .base import METRICS, Metric


@METRICS.register("kernel_distance")
class KernelDistance(Metric):
    """Squared maximum mean discrepancy of a network's features, times 1000; one number for a set.

    Source: Binkowski et al. 2018 (KID): cubic kernel, unbiased, through torchmetrics.
    Deviations: the features are the caller's, so it is no KID, whose features are Inception's:
        figures compare only where the network is the same. All pictures are taken at once, instead
        of the mean over random subsets. Unbiased: sets of one distribution lie around 0, below too.

    Args:
        features: `image -> (B, D)` for images `(B, 3, H, W)` in [-1, 1].
    """

    label = "Kernel distance"
    unit = "x 1000"
    higher_is_better = False
    needs = "features"
    against = "truths"
    digits = 2

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        self.features = features

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        return self.of_features(self.features(result), self.features(truth))

    @staticmethod
    def of_features(result: Tensor, truth: Tensor) -> Tensor:
        """Return the distance of two sets of features `(N, D)`, `(1,)`.

        Raises:
            InvalidInputError: There are fewer than two pictures.
        """
        if min(len(result), len(truth)) < 2:
            raise InvalidInputError("A distance of sets takes at least two pictures, not one.")
        kid = require("torchmetrics.image.kid", "torchmetrics", "The kernel distance")
        # On the CPU in float64: small differences of large sums, and MPS has no float64.
        first, second = truth.cpu().double(), result.cpu().double()
        return 1000 * kid.poly_mmd(first, second).reshape(1)

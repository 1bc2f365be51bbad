"""torchjd's Gramian-based methods behind our interface: symmetric surgery, for comparison.

The names are always registered, so that workflows read the same everywhere; the package is imported
when a method is first used.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from ..dependencies import require
from ..parameters import Param, check_parameters
from .base import COMBINERS, Combiner, Gram


class TorchJD(Combiner):
    """One of torchjd's weightings, applied to each image's Gramian on the CPU.

    Source: Quinton & Rey 2024 (torchjd), and each method's own paper.

    Deviations: images whose gradients are all zero get the plain sum (zero); methods that draw
    random numbers draw them from a seed of their own, and the global generator is left as it was.

    Args:
        seed: Seed of a method that draws random numbers.
    """

    weighting: ClassVar[str]
    on_device: ClassVar[bool] = False

    def __init__(
        self,
        seed: Annotated[
            int, Param(0, 2**31 - 1, 1, tooltip="Seed of methods that draw random numbers.")
        ] = 0,
    ) -> None:
        check_parameters(type(self), {"seed": seed})
        self.seed = seed
        self._calls = 0
        self._method: Callable[[Tensor], Tensor] | None = None

    def reset(self) -> None:
        """See `Combiner`."""
        self._calls = 0
        self._method = None

    def lengths(self, gram: Gram, pivot: int) -> Tensor:  # noqa: ARG002
        """See `Combiner`."""
        method = self._loaded()
        # The solvers want double precision; a 2x2 matrix costs nothing to move.
        gramians = gram.gramian.detach().cpu().double()
        with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
            # Made in here: what inference mode makes may not be written to outside of it.
            weights = torch.ones(gramians.shape[:2], dtype=torch.float64)
            torch.manual_seed(self.seed + self._calls)
            for image, gramian in enumerate(gramians):
                if gramian.any():
                    weights[image] = method(gramian.clone())
        self._calls += 1
        return weights.to(gram.norms) * gram.norms

    def _loaded(self) -> Callable[[Tensor], Tensor]:
        if self._method is None:
            package: Any = require(
                "torchjd.aggregation",
                "torchjd qpsolvers quadprog",
                f"The combiner {type(self).__name__}",
            )
            self._method = getattr(package, self.weighting)()
        assert self._method is not None
        return self._method


@COMBINERS.register("torchjd_pcgrad")
class PCGrad(TorchJD):
    """Project each gradient off every one that it opposes, in random order, and add.

    Source: Yu et al. 2020.
    """

    weighting = "PCGradWeighting"


@COMBINERS.register("torchjd_mgda")
class MGDA(TorchJD):
    """Take the shortest vector of the gradients' convex hull.

    Source: Desideri 2012.
    """

    weighting = "MGDAWeighting"


@COMBINERS.register("torchjd_upgrad")
class UPGrad(TorchJD):
    """Project each gradient onto the cone that opposes none of them, and average.

    Source: Quinton & Rey 2024.
    """

    weighting = "UPGradWeighting"


@COMBINERS.register("torchjd_alignedmtl")
class AlignedMTL(TorchJD):
    """Make the gradients orthogonal and equally long, and average.

    Source: Senushkin et al. 2023.
    """

    weighting = "AlignedMTLWeighting"


@COMBINERS.register("torchjd_imtlg")
class IMTLG(TorchJD):
    """Weigh the gradients so that the result's projections onto all of them are equal.

    Source: Liu et al. 2021.
    """

    weighting = "IMTLGWeighting"

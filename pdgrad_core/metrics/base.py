"""What every metric has in common."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..errors import InvalidInputError, NonFiniteError
from ..images import check_image
from ..registry import Registry
from ..true_float32 import true_float32

METRICS: "Registry[type[Metric]]" = Registry("metric")
"""The metrics by name."""

Needs = Literal["nothing", "distance", "alex_distance", "embedding", "landmarks", "features"]

Against = Literal["truth", "reference", "truths"]


class Metric(ABC):
    """Compares restored images with the truth, image by image unless `against` says otherwise.

    Attributes:
        label: Name for tables.
        unit: Unit of the number, empty for none.
        higher_is_better: Direction of improvement.
        needs: What the constructor takes: "nothing"; "distance" or "alex_distance", a callable
            `(image, image) -> (B,)`; "embedding" or "features", a callable `image -> (B, D)`; or
            "landmarks", a callable `image -> (B, N, 2)` in pixels.
        against: What a result is compared with: its "truth"; a "reference" photo of the person,
            where no truth is needed; or all results together with all "truths", one number then.
        digits: Decimals worth showing.
    """

    label: ClassVar[str]
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool]
    needs: ClassVar[Needs] = "nothing"
    against: ClassVar[Against] = "truth"
    digits: ClassVar[int] = 4

    @true_float32()
    def __call__(self, result: Tensor, truth: Tensor) -> Tensor:
        """Compare two batches image by image.

        Args:
            result: `(B, 3, H, W)` in [-1, 1]; values outside are clipped.
            truth: The same shape and range.

        Returns:
            `(B,)` float32.

        Raises:
            InvalidInputError: Not two batches of finite images of one size.
            NonFiniteError: A network that it looks through gave NaN.
        """
        check_image(result, "The result")
        check_image(truth, "The truth")
        if result.shape != truth.shape:
            raise InvalidInputError(
                f"A metric compares images of one size, found {tuple(result.shape)} and "
                f"{tuple(truth.shape)}; resize one of them."
            )
        with torch.no_grad():
            values = self._compare(
                result.float().clamp(-1, 1), truth.to(result.device).float().clamp(-1, 1)
            )
        if bool(values.isnan().any()):
            raise NonFiniteError(
                f"The metric {type(self).__name__} gave NaN; check the network that it looks "
                "through."
            )
        return values.float()

    @abstractmethod
    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        """Return `(B,)` for float32 images in [-1, 1], on one device, already checked."""

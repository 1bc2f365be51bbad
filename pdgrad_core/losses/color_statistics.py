"""Distance from the image's own recolouring (AdaIN): PGDiff's colour statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ..devices import constant
from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Features
from ..images import check_image
from ..parameters import Param
from .base import LOSSES, Card, Loss

_EPSILON = 1e-5

# A picture counts as grey where no channel leaves the grey image by more than JPEG's own error.
_GREY_TOLERANCE = 4 / 255


@dataclass(frozen=True)
class ColorStatistics:
    """Mean and standard deviation of R, G and B over an image in [-1, 1].

    Attributes:
        mean: Of each channel.
        std: Of each channel.
    """

    mean: tuple[float, float, float] = (0.03202754, -0.16308397, -0.26475719)
    std: tuple[float, float, float] = (0.53549316, 0.47539538, 0.46814889)

    @classmethod
    def of(cls, images: Sequence[Tensor], names: Sequence[str] = ()) -> "ColorStatistics":
        """Return the average statistics of a set of pictures, each counting the same.

        Source: PGDiff's script for colour styles.

        Args:
            images: Each `(B, 3, H, W)` in [-1, 1], of any size.
            names: What errors call them; their numbers where not given.

        Raises:
            InvalidInputError: There is no picture, or one has no colour.
        """
        if not images:
            raise InvalidInputError("A colour style needs at least one picture, not none.")
        means: list[Tensor] = []
        stds: list[Tensor] = []
        for number, image in enumerate(images):
            name = names[number] if names else f"{number + 1}"
            check_image(image, f"Picture {name} of the colour style")
            if float((image - image.mean(1, keepdim=True)).abs().mean()) < _GREY_TOLERANCE:
                raise InvalidInputError(
                    f"Picture {name} of the colour style is grey; give pictures with colours."
                )
            flat = image.double().flatten(2)
            means.append(flat.mean(2).mean(0))
            stds.append((flat.var(2, correction=0) + _EPSILON).sqrt().mean(0))
        mean, std = torch.stack(means).mean(0).tolist(), torch.stack(stds).mean(0).tolist()
        return cls((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


CELEBA_HQ = ColorStatistics()
"""The average of CelebA-HQ portraits: PGDiff's official default."""


@LOSSES.register("color_statistics")
class ColorStatisticsLoss(Loss):
    """Sum over pixels of (x0hat - clamp(AdaIN(x0hat), -1, 1))^2.

    AdaIN gives each channel of an image the style's mean and standard deviation.

    Source: PGDiff section 4.2 and its official code.

    Deviations: the paper stops the gradient at the AdaIN image; the official code, and this by
    default, differentiates through it.

    Args:
        style: The colours to move towards.
        stop_gradient: Treat the AdaIN image as fixed, as the paper writes.

    Example:
        >>> ColorStatisticsLoss().style.mean[0]
        0.03202754
    """

    network = "pixels"
    takes_target = False
    card = Card(
        title="Colour Statistics Loss",
        description="Pulls each colour channel's mean and spread towards a style's: the average of "
        "CelebA-HQ portraits, or that of your own pictures (PGDiff's colorization).",
        weight=0.05,
        name="color",
        part="statistics",
    )

    def __init__(
        self,
        style: Annotated[
            ColorStatistics,
            Param(tooltip="Pictures whose colours are wanted; each counts the same."),
        ] = CELEBA_HQ,
        stop_gradient: Annotated[
            bool,
            Param(tooltip="Stop the gradient at the recoloured image: the paper, not its code."),
        ] = False,
    ) -> None:
        self.style = style
        self.stop_gradient = stop_gradient

    def taps(self, _network: FeatureNetwork, /) -> tuple[str, ...]:
        """See `Loss`."""
        return ("image",)

    def __call__(
        self, _network: FeatureNetwork, features: Features, _target: Features, /
    ) -> Tensor:
        """See `Loss`."""
        image = features["image"]
        recoloured = (_standardised(image)[0] * self._std(image) + self._mean(image)).clamp(-1, 1)
        fixed = recoloured.detach() if self.stop_gradient else recoloured
        return ((image - fixed) ** 2).flatten(1).sum(1)

    def cotangent(
        self, _network: FeatureNetwork, features: Features, _target: Features, /
    ) -> tuple[Tensor, Features]:
        """Return the loss and its gradient in closed form; see `Loss`.

        With z = (x - m)/d, n pixels and q = dL/dz:  dL/dx = 2r + (q - mean(q) - z <q, z>/(n-1))/d.
        """
        image = features["image"]
        z, deviation = _standardised(image)
        std = self._std(image)
        recoloured = z * std + self._mean(image)
        r = image - recoloured.clamp(-1, 1)
        value = (r**2).flatten(1).sum(1)
        if self.stop_gradient:
            return value, {"image": 2 * r}
        # Where the recoloured image was clamped, nothing passes through it.
        q = torch.where(recoloured.abs() <= 1, -2 * std * r, 0.0)
        count = image.shape[-2] * image.shape[-1]
        along = (q * z).sum((2, 3), keepdim=True) / (count - 1)
        through = (q - q.mean((2, 3), keepdim=True) - z * along) / deviation
        return value, {"image": 2 * r + through}

    def _mean(self, image: Tensor) -> Tensor:
        return constant(self.style.mean, image).view(1, 3, 1, 1)

    def _std(self, image: Tensor) -> Tensor:
        return constant(self.style.std, image).view(1, 3, 1, 1)


def _standardised(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return each channel with mean 0 and unbiased deviation 1, and the deviation it had."""
    centred = image - image.mean((2, 3), keepdim=True)
    count = image.shape[-2] * image.shape[-1]
    variance = (centred**2).sum((2, 3), keepdim=True) / (count - 1)
    deviation = (variance + _EPSILON).sqrt()
    return centred / deviation, deviation

"""The two networks of DifBFSR: small, randomly initialised, fitted to one image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..images import resize

SRM_WIDTH = 64
CFM_WIDTH = 8
LAYERS = 5
SLOPE = 0.2
"""Of the LeakyReLUs."""

RESIDUAL_SCALE = 0.1
"""Factor of the residual layers' initial weights: five layers that double the variance each make
Adam's first update throw the enlargement out of its range."""


class SRM(nn.Module):
    """Super-resolution module: residual 3x3 convolutions at y's size, then one enlarging layer.

    Source: DifBFSR section 3.1 and 4.2, "SRResNet with five convolution layers of skip convolution
        and a upsampling layer".
    Deviations: widths and kernels are not published (64 channels and 3x3 here). The enlarging
        layer is a bilinear enlargement and a convolution: a pixel shuffle leaves what the objective
        does not see, the differences inside a block, at their random start. The long skip may go
        from y, enlarged bicubically, to the output instead of from the first features to the last.

    Args:
        scale: How many times larger the result is.
        skip: "image" or "features": where the long skip runs.
        width: Channels.
    """

    def __init__(self, scale: int, skip: str = "image", width: int = SRM_WIDTH) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(LAYERS))
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, degraded: Tensor) -> Tensor:
        """`(B, 3, h, w)` -> `(B, 3, scale h, scale w)`, not clipped."""
        size = [self.scale * side for side in degraded.shape[-2:]]
        first = h = F.leaky_relu(self.first(degraded), SLOPE)
        for layer in self.layers:
            h = h + F.leaky_relu(layer(h), SLOPE)
        if self.skip == "features":
            h = h + first
        image = self.last(F.interpolate(h, size=size, mode="bilinear"))
        if self.skip == "image":
            image = image + resize(degraded, size[0], size[1], "bicubic")
        return image


class CFM(nn.Module):
    """The network of the contraction filter module: two rounds of convolution and LeakyReLU.

    Source: DifBFSR section 4.2.
    Deviations: widths and kernels are not published (8 channels and 3x3 here: at its learning rate
        a wider one is thrown about). The rounds change the image instead of replacing it, so that
        the filter starts near doing nothing.

    Args:
        width: Channels between the rounds.
    """

    def __init__(self, width: int = CFM_WIDTH) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """`(B, 3, H, W)` -> the same shape."""
        h = F.leaky_relu(self.first(image), SLOPE)
        return image + F.leaky_relu(self.last(h), SLOPE)


def initialise(network: SRM | CFM, generator: torch.Generator, last_scale: float) -> None:
    """Draw a network's weights (He et al. 2015, zero biases) from a CPU generator.

    Args:
        network: On the CPU.
        generator: Advanced by the number of weights.
        last_scale: Factor of the last layer's weights.
    """
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, SLOPE, generator=generator)
        else:
            nn.init.zeros_(parameter)
    with torch.no_grad():
        network.last.weight *= last_scale
        if isinstance(network, SRM):
            for layer in network.layers:
                assert isinstance(layer, nn.Conv2d)
                layer.weight *= RESIDUAL_SCALE

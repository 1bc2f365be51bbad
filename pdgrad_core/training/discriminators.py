"""Discriminators as they are trained: of facial parts, partly frozen, or standing by."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from torch import Tensor, nn

from ..errors import InvalidInputError
from ..gan.discriminator import DiscriminatorBlock, StyleGANDiscriminator
from ..gan.layers import ScaledConv
from ..gan.resampling import convolution


class PartDiscriminator(nn.Module):
    """Judges every place of one facial part: the global network's blocks, halved twice.

    Source: GAN prior section 3.4: "similar to that of the global discriminator", two downsamplings,
        a map of one channel.
    Deviations: the paper gives no widths.

    Args:
        widths: Channels at full size, at half and at a quarter.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256)) -> None:
        super().__init__()
        if len(widths) != 3:
            raise InvalidInputError(
                f"A discriminator of a facial part has three widths, one per scale; found {widths}."
            )
        blocks = [DiscriminatorBlock(a, b) for a, b in pairwise(widths)]
        self.convs = nn.Sequential(convolution(3, widths[0], 1), *blocks)
        self.score = ScaledConv(widths[-1], 1, 3, padding=1)

    def forward(self, part: Tensor) -> Tensor:
        """`(B, 3, s, s)` in [-1, 1] -> scores `(B, 1, s/4, s/4)`."""
        return self.score(self.convs(part))


def freeze_first(network: StyleGANDiscriminator, count: int) -> list[str]:
    """FreezeD: keep the first convolutions as they are; returns the frozen parameters' names.

    Source: Mo et al. 2020 (FreezeD); GAN prior section 4.2: "the first five convolution layers".
    Deviations: the paper does not say how it counts. Here the first layer and the two 3x3
        convolutions of each block count one each; a block's shortcut goes with its second.

    Args:
        network: The global discriminator.
        count: How many; 0 for none.

    Raises:
        InvalidInputError: There are fewer.
    """
    blocks = list(network.convs.named_children())[1:]
    layers = [[network.convs.get_submodule("0")]]
    for _, block in blocks:
        layers.append([block.get_submodule("conv1")])
        layers.append([block.get_submodule("conv2"), block.get_submodule("skip")])
    if not 0 <= count <= len(layers):
        raise InvalidInputError(
            f"freeze must be from 0 to {len(layers)}, the convolutions of a discriminator of "
            f"{network.image_size}x{network.image_size} pixels, not {count}."
        )
    frozen = {id(p) for group in layers[:count] for layer in group for p in layer.parameters()}
    for parameter in network.parameters():
        if id(parameter) in frozen:
            parameter.requires_grad_(False)
    return [name for name, parameter in network.named_parameters() if id(parameter) in frozen]


@contextmanager
def standing_by(network: nn.Module) -> Generator[None, None, None]:
    """Let gradients pass through a network that is not being trained just now."""
    trained = [p for p in network.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)

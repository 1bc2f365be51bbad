"""StyleGAN2's generator whose noise branches take features, under the key names of GPEN's."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .layers import PixelNorm, ScaledLinear
from .modulation import StyledConv, ToRGB

MAPPING_RATE = 0.01
"""The mapping network learns a hundred times slower than the rest."""


class ConstantInput(nn.Module):
    """The learned picture of 4x4 pixels that every face begins with."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Tensor:
        """Return it, `(batch, channels, 4, 4)`."""
        return self.input.expand(batch, -1, -1, -1)


class StyleGenerator(nn.Module):
    """Makes faces from latent codes and one feature map per style block.

    Source: Karras et al. 2020 with GPEN's concatenated noise (Yang et al. 2021): eqs. 2 and 3 of
        Hu et al. 2022.
    Deviations: none.

    Args:
        widths: Channels at 4 pixels and after each doubling.
        style_width: Numbers in a latent code.
        mapping_layers: Layers of the mapping network.
    """

    def __init__(self, widths: Sequence[int], style_width: int, mapping_layers: int) -> None:
        super().__init__()
        self.widths, self.style_width = tuple(widths), style_width
        self.image_size = 4 * 2 ** (len(widths) - 1)
        mapping = [
            ScaledLinear(style_width, style_width, activate=True, rate=MAPPING_RATE)
            for _ in range(mapping_layers)
        ]
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = ConstantInput(widths[0])
        self.conv1 = StyledConv(widths[0], widths[0], style_width)
        self.to_rgb1 = ToRGB(2 * widths[0], style_width, first=True)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for below, width in pairwise(widths):
            self.convs.append(StyledConv(2 * below, width, style_width, double=True))
            self.convs.append(StyledConv(2 * width, width, style_width))
            self.to_rgbs.append(ToRGB(2 * width, style_width))

    @property
    def style_count(self) -> int:
        """How many places take a style of their own: two per scale."""
        return 2 * len(self.widths)

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        """Shape `(C, H, W)` of the noise of each style block: one at 4 pixels, then two a scale."""
        scales = [(width, 4 * 2**i, 4 * 2**i) for i, width in enumerate(self.widths)]
        return [scales[0], *(shape for shape in scales[1:] for _ in range(2))]

    def draw_noise(self, batch: int, generator: torch.Generator) -> list[Tensor]:
        """Draw standard normal noise for every style block, as for a generator without a codec.

        Args:
            batch: Images.
            generator: On the CPU; the only randomness there is.
        """
        home = self.input.input
        return [
            torch.randn(batch, *shape, generator=generator).to(home) for shape in self.noise_shapes
        ]

    def map(self, z: Tensor) -> Tensor:
        """Return w of z, both `(B, style_width)`; eq. 2."""
        return self.style(z)

    def forward(self, w: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Make faces.

        Args:
            w: Mapped codes, `(B, style_width)`, or `(B, style_count, style_width)` for a code of
                its own in each place.
            noise: A feature map per style block, in the shapes of `noise_shapes`.

        Returns:
            `(B, 3, S, S)`, about [-1, 1], not clamped.
        """
        styles = w.unbind(1) if w.ndim == 3 else (w,) * self.style_count
        h = self.conv1(self.input(len(w)), styles[0], noise[0])
        picture = self.to_rgb1(h, styles[1])
        for i, to_rgb in enumerate(self.to_rgbs):
            j = 2 * i + 1
            h = self.convs[2 * i](h, styles[j], noise[j])  # eq. 3
            h = self.convs[2 * i + 1](h, styles[j + 1], noise[j + 1])
            picture = to_rgb(h, styles[j + 2], picture)
        return picture

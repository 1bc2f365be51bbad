"""The GAN prior as a restorer's network: a codec that tells StyleGAN2 which face to make."""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from .codec import Decoder
from .config import GANPriorConfig
from .generator import StyleGenerator
from .layers import ScaledLinear
from .mmrb import MMRB
from .resampling import convolution


@dataclass(frozen=True)
class Restoration:
    """Everything that a forward pass gives.

    Attributes:
        image: The restored face, `(B, 3, S, S)`, about [-1, 1], not clamped.
        w: The mapped latent code, `(B, style_width)`.
        features: The noise of each scale, `(B, widths[i], 4 * 2**i, 4 * 2**i)`, coarsest first.
        pictures: What the decoder shows at each scale, `(B, 3, 4 * 2**i, 4 * 2**i)`, coarsest
            first; none without a decoder.
    """

    image: Tensor
    w: Tensor
    features: list[Tensor]
    pictures: list[Tensor]


class GANPriorNetwork(nn.Module):
    """Encoder, MMRBs, decoder, mapping and generator.

    Source: Hu et al. 2022, section 3 and figure 2; without MMRBs and decoder, GPEN (Yang et al.
        2021) under the names of its published files.
    Deviations: see `MMRB` and `Decoder`.

    Args:
        config: Its layers.
    """

    def __init__(self, config: GANPriorConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.generator = StyleGenerator(widths, config.style_width, config.mapping_layers)
        # GPEN counts its encoder's scales from the finest, under names of its own.
        fine_first = widths[::-1]
        encoder = [convolution(3, fine_first[0], 1)]
        encoder += [convolution(a, b, 3, halve=True) for a, b in pairwise(fine_first)]
        for i, layers in enumerate(encoder):
            self.add_module(f"ecd{i}", nn.Sequential(layers))
        self.final_linear = nn.Sequential(
            ScaledLinear(16 * widths[0], config.style_width, activate=True)
        )
        inner = range(1, len(widths) - 1) if config.mmrb else ()
        self.mmrb = nn.ModuleDict({str(i): MMRB(fine_first[i]) for i in inner})
        self.decoder = Decoder(widths) if config.decoder else None

    @property
    def image_size(self) -> int:
        """The side of the images, in pixels."""
        return self.config.image_size

    def encode(self, degraded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return z `(B, style_width)` and the encoder's features, coarsest first.

        Args:
            degraded: `(B, 3, S, S)` in [-1, 1].
        """
        h, features = degraded, list[Tensor]()
        for i in range(len(self.config.widths)):
            h = self.get_submodule(f"ecd{i}")(h)
            if str(i) in self.mmrb:
                h = self.mmrb[str(i)](h)
            features.append(h)
        return self.final_linear(h.flatten(1)), features[::-1]

    def codec(self, degraded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return z and the noise of each scale, coarsest first: eq. 1; see `encode`."""
        z, features = self.encode(degraded)
        return z, features if self.decoder is None else self.decoder(features)

    def forward(self, degraded: Tensor) -> Tensor:
        """Restore faces.

        Args:
            degraded: `(B, 3, S, S)` in [-1, 1].

        Returns:
            `(B, 3, S, S)`, about [-1, 1], not clamped.
        """
        z, features = self.codec(degraded)
        return self.generator(self.generator.map(z), noise_of(features))

    def restoration(self, degraded: Tensor) -> Restoration:
        """Restore faces and return what happened on the way, for training; see `forward`."""
        z, features = self.codec(degraded)
        w = self.generator.map(z)
        image = self.generator(w, noise_of(features))
        pictures = [] if self.decoder is None else self.decoder.pictures(features)
        return Restoration(image, w, features, pictures)


def noise_of(features: list[Tensor]) -> list[Tensor]:
    """Return the noise of each style block: the coarsest scale once, the others twice."""
    return [features[0], *(h for h in features[1:] for _ in range(2))]

"""StyleGAN2: faces out of nothing, the prior that a GAN-prior restorer begins with."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import InvalidInputError
from ...gan.config import check_size, stylegan_widths
from ...gan.discriminator import StyleGANDiscriminator
from ...gan.generator import StyleGenerator
from ..adversarial import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    path_length_penalty,
    path_lengths,
)
from ..config import TrainingConfig, add_preset
from ..dataset import Batch, FaceSource
from ..discriminators import standing_by
from .base import OBJECTIVES, Exported, Losses, Objective, mirrored

PATH_MEAN_STEP = 0.01
"""How far the running mean of path lengths moves towards a new one."""

VALIDATION_IMAGES = 64
SHEET_IMAGES = 32


class StyleGAN2Module(nn.Module):
    """The two networks, and the running mean of path lengths."""

    def __init__(self, generator: StyleGenerator, discriminator: StyleGANDiscriminator) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.path_mean: Tensor
        self.register_buffer("path_mean", torch.zeros(()))


@OBJECTIVES.register("stylegan2")
class StyleGAN2Objective(Objective):
    """A style generator against a discriminator, each with an Adam of its own.

    Source: Karras et al. 2020 (StyleGAN2), section 3 and appendix B; noise concatenated as in GPEN
        (Yang et al. 2021).
    Deviations: no mixing of styles, since a restorer's codec gives one code for all layers; the
        discriminator learns from the faces that the generator has just learned from, which spares a
        forward pass; the batch counts as one group of the minibatch deviation; Adam's moments are
        not stretched for the penalties' steps.

    Options: "r1", gamma of the penalty on the discriminator's gradients, and "r1_interval", every
    how many steps it is taken; "path_length" and "path_interval", weight and interval of the
    generator's. A weight of 0 leaves the penalty out.
    """

    network_keys = ("widths", "style_width", "mapping_layers", "discriminator_widths")
    option_defaults: ClassVar[Mapping[str, Any]] = {
        "r1": 10.0,
        "r1_interval": 16,
        "path_length": 2.0,
        "path_interval": 8,
    }

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        check_size(config.image_size)
        for name in ("r1_interval", "path_interval"):
            if self.options[name] < 1:
                raise InvalidInputError(f"{name} must be at least 1, not {self.options[name]}.")

    def build(self) -> StyleGAN2Module:
        """See `Objective`."""
        network = self.config.network
        size = self.config.image_size
        widths = generator_widths(network, size)
        generator = StyleGenerator(
            widths, network.get("style_width", 512), network.get("mapping_layers", 8)
        )
        judge = network.get("discriminator_widths", widths[::-1])
        return StyleGAN2Module(generator, discriminator_of(judge, size))

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See `Objective`."""
        return {
            part: self.adamw(self.module.get_submodule(part))
            for part in ("generator", "discriminator")
        }

    def averaged(self) -> StyleGenerator:
        """See `Objective`: the generator."""
        return self.module.generator

    def step(self, batch: Batch, images: int, generator: torch.Generator) -> Losses:
        """See `Objective`: the generator first, then the discriminator, each with its penalty."""
        module: StyleGAN2Module = self.module
        true = mirrored(batch.images, generator) if self.config.flip else batch.images
        number = images // self.config.batch_size
        with standing_by(module.discriminator), self.autocast():
            _, made = self.make(len(true), generator)
            loss = generator_loss(module.discriminator(made, jointly=True))
        self.descend("generator", loss, images)
        made = made.detach()
        losses = {"loss": loss}
        if self.options["path_length"] and number % self.options["path_interval"] == 0:
            losses["path_length"] = self._regularise_paths(len(true), images, generator)
        with self.autocast():
            judged = discriminator_loss(
                module.discriminator(true, jointly=True), module.discriminator(made, jointly=True)
            )
        self.descend("discriminator", judged, images)
        if self.options["r1"] and number % self.options["r1_interval"] == 0:
            weight = self.options["r1"] * self.options["r1_interval"]
            penalty = r1_penalty(module.discriminator, true)
            self.descend("discriminator", weight * penalty, images)
            losses["r1"] = penalty
        return {**losses, "discriminator": judged}

    def make(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return mapped codes `(count, D)` and the faces made from them."""
        network: StyleGenerator = self.module.generator
        w = network.map(codes(network, count, generator))
        return w, network(w, network.draw_noise(count, generator))

    def _regularise_paths(self, count: int, images: int, generator: torch.Generator) -> Tensor:
        """Take the step of the path lengths, on half a batch; returns the penalty."""
        module: StyleGAN2Module = self.module
        w, made = self.make(max(1, count // 2), generator)
        noise = torch.randn(made.shape, generator=generator).to(made)
        lengths = path_lengths(made, w, noise)
        module.path_mean.lerp_(lengths.detach().mean(), PATH_MEAN_STEP)
        penalty = path_length_penalty(lengths, module.path_mean)
        weight = self.options["path_length"] * self.options["path_interval"]
        self.descend("generator", weight * penalty, images)
        return penalty

    def validate(self, module: StyleGenerator, faces: FaceSource) -> dict[str, float]:
        """Return how far mean and spread of made faces' pixels are from those of true ones."""
        true = faces.first(VALIDATION_IMAGES).images
        made = self.faces(module, VALIDATION_IMAGES)
        return {
            "mean_error": float((made.mean(0) - true.mean(0)).abs().mean()),
            "spread_error": float((made.std(0) - true.std(0)).abs().mean()),
        }

    def faces(self, module: StyleGenerator, count: int) -> Tensor:
        """Return faces of fixed codes, `(count, 3, S, S)` on the CPU."""
        random = torch.Generator().manual_seed(0)
        w = module.map(codes(module, count, random))
        return module(w, module.draw_noise(count, random)).cpu().clamp(-1, 1)

    def sheet(self, module: StyleGenerator, faces: FaceSource) -> list[Tensor]:
        """Return made faces, the last row being true ones."""
        return [*self.faces(module, SHEET_IMAGES).split(8), faces.first(64).images[::8]]

    def export(self, module: StyleGenerator) -> Exported:
        """Return the generator, which `--init` of a GAN-prior run reads, and "D" beside it."""
        judge: StyleGANDiscriminator = self.module.discriminator
        return Exported(dict(module.state_dict()), {}, {"D": dict(judge.state_dict())})


def generator_widths(network: Mapping[str, Any], size: int) -> tuple[int, ...]:
    """Return the channels at 4 pixels and after each doubling; StyleGAN2's where none are told.

    Raises:
        InvalidInputError: Their number is not that of the size.
    """
    widths = tuple(network.get("widths", ())) or stylegan_widths(size)
    return _checked(widths, size, "widths")


def discriminator_of(widths: tuple[int, ...], size: int) -> StyleGANDiscriminator:
    """Return a fresh discriminator of pictures of a size.

    Raises:
        InvalidInputError: The number of widths is not that of the size.
    """
    return StyleGANDiscriminator(_checked(tuple(widths), size, "discriminator_widths"))


def codes(network: StyleGenerator, count: int, generator: torch.Generator) -> Tensor:
    """Draw z, `(count, D)` standard normal, where the network is."""
    drawn = torch.randn(count, network.style_width, generator=generator)
    return drawn.to(network.input.input)


def r1_penalty(discriminator: StyleGANDiscriminator, true: Tensor) -> Tensor:
    """Return R1 of the global discriminator, without its weight."""
    images = true.detach().requires_grad_()
    return gradient_penalty(discriminator(images, jointly=True), images)


def _checked(widths: tuple[int, ...], size: int, name: str) -> tuple[int, ...]:
    if size != 4 * 2 ** (len(widths) - 1):
        raise InvalidInputError(
            f"{name} has one entry for 4 pixels and one for each doubling up to {size}, "
            f"not {len(widths)}."
        )
    return widths


add_preset(
    "stylegan2",
    TrainingConfig(
        objective="stylegan2",
        network={
            "widths": (64, 64, 48, 32, 16),
            "style_width": 64,
            "mapping_layers": 4,
            "discriminator_widths": (16, 32, 48, 64, 64),
        },
        # StyleGAN2-ADA's rule, 0.0002 S^2 / B (Karras et al. 2020), gives 0.1 here; three times
        # that, no path lengths and small batches bring faces in far fewer images.
        options={"r1": 0.3, "path_length": 0},
        batch_size=8,
        total_images=50_000,
        learning_rate=2.5e-3,
        warmup_images=0,
        cooldown_images=10_000,
        betas=(0.0, 0.99),
        gradient_clip=0.0,
        ema_std=0.05,
        snapshot_images=10_000,
        precision="float32",
    ),
)

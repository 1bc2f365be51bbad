"""What the training loop of the pack trains here: autoencoder, previewer, rectified flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from autoencoders import CHANNELS, SCALE, Autoencoder, Previewer, parts_of
from torch import Tensor, nn

from pdgrad_core.checkpoints import load_checkpoint, load_strict
from pdgrad_core.diffusion.noise import seeded_noise
from pdgrad_core.diffusion.unet import UNet, UNetConfig
from pdgrad_core.embedded import demo_weights
from pdgrad_core.features.vgg import load_perceptual
from pdgrad_core.losses.perceptual import LPIPSDistance
from pdgrad_core.training.batches import Batch, FaceSource
from pdgrad_core.training.config import TrainingConfig, add_preset
from pdgrad_core.training.objectives.base import (
    OBJECTIVES,
    Exported,
    Losses,
    Objective,
    mirrored,
)

FLOW = UNetConfig(
    width=64, channel_mult=(1, 1.5), num_res_blocks=(2, 2), attention_levels=(0, 1),
    learn_sigma=False, patch_size=2, image_channels=CHANNELS, num_head_channels=32,
)  # fmt: skip
"""The rectified flow's network; as SD3 and Flux do, it looks at 2 x 2 cells at a time."""

TIMES = 1000
"""The network's embedding expects noise levels in thousandths."""


@dataclass(frozen=True, eq=False)
class Latents:
    """Encoded pictures, as the loop draws from them; see `FaceSource`."""

    latents: Tensor
    people: int = 0
    attribute_count: int = 0

    def draw(self, generator: torch.Generator, count: int) -> Batch:
        """See `FaceSource`."""
        return self._rows(torch.randint(len(self.latents), (count,), generator=generator))

    def first(self, count: int) -> Batch:
        """See `FaceSource`."""
        return self._rows(torch.arange(min(count, len(self.latents))))

    def _rows(self, index: Tensor) -> Batch:
        return Batch(self.latents[index].float(), torch.full((len(index),), -1))


def load_autoencoder(path: Any) -> Autoencoder:
    """Load what objective "autoencoder" exported."""
    return _loaded(Autoencoder(), path)


def load_previewer(path: Any) -> Previewer:
    """Load what objective "previewer" exported."""
    return _loaded(Previewer(), path)


def load_flow(path: Any) -> UNet:
    """Load what objective "flow" exported."""
    return _loaded(UNet(FLOW), path)


def _loaded(network: Any, path: Any) -> Any:
    load_strict(network, load_checkpoint(path), f"the network of {path}")
    return network.float().eval().requires_grad_(False)


@OBJECTIVES.register("autoencoder")
class AutoencoderObjective(Objective):
    """Mean absolute error, LPIPS of the network that guides, and a slight pull to a normal.

    For most of the run on parts of half the side, then on a quarter as many whole pictures.

    Options: the weights "lpips" and "divergence"; "parts", the share of the run on parts.
    """

    option_defaults: ClassVar[Mapping[str, Any]] = {
        "lpips": 0.5,
        "divergence": 1e-6,
        "parts": 0.8,
    }

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.faces = faces
        self.distance = LPIPSDistance(load_perceptual(demo_weights("vgg")))
        self.whole = False

    def build(self) -> Autoencoder:
        """See `Objective`."""
        return Autoencoder()

    def step(self, batch: Batch, images: int, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        self.whole = images >= self.options["parts"] * self.config.total_images
        return super().step(batch, images, generator)

    def losses(self, module: Autoencoder, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        images = mirrored(batch.images, generator)
        images = images[: len(images) // 4] if self.whole else part_of_each(images, generator)
        mean, log_variance = module.moments(images)
        noise = torch.randn(mean.shape, generator=generator)
        found = module.decoder(mean + (0.5 * log_variance).exp() * noise)
        error = (found - images).abs().mean()
        lpips = self.distance(found, images).mean()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum((1, 2, 3)).mean()
        loss = error + self.options["lpips"] * lpips + self.options["divergence"] * divergence
        return {"loss": loss, "l1": error, "lpips": lpips, "divergence": divergence}

    def validate(self, module: Autoencoder, faces: FaceSource) -> dict[str, float]:
        """Return PSNR and LPIPS of decoded encodings."""
        images = faces.first(64).images
        found = module.decoder(module.moments(images)[0]).clamp(-1, 1)
        return {
            "psnr": psnr(found, images),
            "lpips": float(self.distance(found, images).mean()),
        }

    def sheet(self, module: Autoencoder, faces: FaceSource) -> list[Tensor]:
        """Return pictures, and what is decoded of them."""
        images = faces.first(32).images[::4]
        return [images, module.decoder(module.moments(images)[0]).clamp(-1, 1)]

    def export(self, module: Autoencoder) -> Exported:
        """Return the network with the mean and spread of the training pictures' latents."""
        z = parts_of(self.faces.first(1024).images, lambda part: module.moments(part)[0])
        module.offset.copy_(z.mean((0, 2, 3), keepdim=True))
        module.spread.copy_(z.std((0, 2, 3), keepdim=True))
        return Exported(module.state_dict(), {})


class _OnLatents(Objective):
    """An objective whose pictures are latents of a trained autoencoder.

    Options: "autoencoder", its file.
    """

    option_defaults: ClassVar[Mapping[str, Any]] = {"autoencoder": ""}

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.autoencoder = load_autoencoder(self.options["autoencoder"])


@OBJECTIVES.register("previewer")
class PreviewerObjective(_OnLatents):
    """Mean absolute error from what the whole decoder makes of the same latents."""

    def build(self) -> nn.Module:
        """See `Objective`."""
        return Previewer()

    def losses(self, module: nn.Module, batch: Batch, generator: torch.Generator) -> Losses:  # noqa: ARG002
        """See `Objective`."""
        with torch.no_grad():
            wanted = self.autoencoder.decode(batch.images)
        return {"loss": (module(batch.images) - wanted).abs().mean()}

    def validate(self, module: nn.Module, faces: FaceSource) -> dict[str, float]:
        """Return the PSNR from the whole decoder's pictures."""
        z = faces.first(64).images
        return {"psnr": psnr(module(z).clamp(-1, 1), self.autoencoder.decode(z).clamp(-1, 1))}

    def sheet(self, module: nn.Module, faces: FaceSource) -> list[Tensor]:
        """Return the whole decoder's pictures, and the small one's."""
        z = faces.first(32).images[::4]
        return [self.autoencoder.decode(z).clamp(-1, 1), module(z).clamp(-1, 1)]

    def export(self, module: nn.Module) -> Exported:
        """See `Objective`."""
        return Exported(module.state_dict(), {})


@OBJECTIVES.register("flow")
class FlowObjective(_OnLatents):
    """The velocity eps - z at z_s = (1 - s) z + s eps, s uniform and stratified.

    Source: Liu et al. 2022 (Rectified Flow), eq. 1; the direction is that of SD3 and Flux.
    """

    def build(self) -> UNet:
        """See `Objective`."""
        return UNet(FLOW)

    def losses(self, module: UNet, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        z, count = batch.images, len(batch.images)
        place = torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
        eps = torch.randn(z.shape, generator=generator)
        return {"loss": self._error(module, z, eps, place / count)}

    def _error(self, module: UNet, z: Tensor, eps: Tensor, s: Tensor) -> Tensor:
        at = s.view(-1, 1, 1, 1)
        return (module((1 - at) * z + at * eps, TIMES * s) - (eps - z)).square().mean()

    def validate(self, module: UNet, faces: FaceSource) -> dict[str, float]:
        """Return the loss on fixed noise at evenly spread noise levels."""
        z = faces.first(128).images
        eps = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
        s = (torch.arange(len(z)) + 0.5) / len(z)
        return {"validation_loss": float(self._error(module, z, eps, s))}

    def sheet(self, module: UNet, faces: FaceSource) -> list[Tensor]:
        """Return samples from noise, 30 Euler steps, a fixed seed."""
        z = faces.first(16).images
        x = seeded_noise(z, 0)()
        levels = torch.linspace(1, 0, 31).tolist()
        for s, following in pairwise(levels):
            x = x + (following - s) * module(x, torch.full((len(x),), TIMES * s))
        return list(self.autoencoder.decode(x).clamp(-1, 1).split(8))

    def export(self, module: UNet) -> Exported:
        """See `Objective`."""
        return Exported(module.state_dict(), {})


def part_of_each(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random quarter of every picture."""
    side = images.shape[-1] // 2
    corners = torch.randint(side + 1, (len(images), 2), generator=generator).tolist()
    return torch.stack([
        image[:, top : top + side, left : left + side]
        for image, (top, left) in zip(images, corners, strict=True)
    ])  # fmt: skip


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Return the mean over pictures in [-1, 1], dB."""
    error = (found - wanted).square().mean((1, 2, 3)) / 4
    return float((-10 * error.log10()).mean())


_SIZE = 24 * SCALE
add_preset("autoencoder", TrainingConfig(
    "autoencoder", image_size=_SIZE, batch_size=32, total_images=24_000, learning_rate=2e-3,
    warmup_images=1_600, cooldown_images=14_000, snapshot_images=8_000,
))  # fmt: skip
add_preset("previewer", TrainingConfig(
    "previewer", image_size=_SIZE, batch_size=8, total_images=6_000, learning_rate=2e-3,
    warmup_images=400, cooldown_images=4_000, snapshot_images=6_000,
))  # fmt: skip
add_preset("flow", TrainingConfig(
    "flow", image_size=_SIZE, batch_size=16, total_images=40_000, learning_rate=1e-3,
    cooldown_images=20_000, ema_std=0.1, snapshot_images=10_000,
))  # fmt: skip

"""IDM: restore a degraded face from any noise level, the noise beside it."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...degradations.presets import degrade, preset
from ...diffusion.noise import seeded_noise
from ...diffusion.prior import Prediction
from ...diffusion.priors.guided_diffusion import PriorConfig
from ...diffusion.priors.idm import IDM_512, PREDICTIONS, IDMNetwork, IDMPrior
from ...diffusion.schedule import Schedule
from ...diffusion.unet import UNetConfig
from ...errors import InvalidInputError
from ...restorers.idm import IDMRestorer
from ..config import TrainingConfig, add_preset
from ..dataset import Batch, FaceSource
from ..noising import prior_config, stratified_timesteps
from ..restoring import degrade_at_random, restoration_scores
from .base import OBJECTIVES, Exported, Losses, Objective, home, mirrored

VALIDATION_IMAGES = 64


@OBJECTIVES.register("idm")
class IDMObjective(Objective):
    """Predict x_0, or the noise, of a face from its degraded version and a noisy one.

    Where the training set was enhanced, x_d is degraded from the original, and the target is the
    enhanced face: the second model of the extrinsic iteration.

    Source: IDM eq. 5 to 7; gamma drawn between neighbouring abar_t, SR3 (Saharia et al. 2021)
        section 2.4.
    Deviations: the timesteps are stratified over the batch, for a less noisy gradient; the loss is
        the mean over pixels, not the sum.

    Options: "prediction" ("x0", eq. 7, or "eps", eq. 6), "p" (1 or 2: the power of the absolute
    error), "degradation", a name in `degradations.PRESETS`, scaled to the pictures' size.
    """

    network_keys = tuple(field.name for field in fields(UNetConfig))
    option_defaults: ClassVar[Mapping[str, Any]] = {
        "prediction": "x0",
        "p": 1,
        "degradation": "idm",
    }

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.prediction: Prediction = self.options["prediction"]
        if self.prediction not in PREDICTIONS:
            raise InvalidInputError(
                f"prediction must be {' or '.join(PREDICTIONS)} for an IDM, "
                f"not {self.prediction!r}."
            )
        self.p = self.options["p"]
        if self.p not in (1, 2):
            raise InvalidInputError(f"p, the power of the error, must be 1 or 2, not {self.p!r}.")
        self.degradation = preset(str(self.options["degradation"]))
        self.schedule = Schedule.linear()
        self.levels = torch.from_numpy(self.schedule.alphas_cumprod)

    def build(self) -> IDMNetwork:
        """See `Objective`."""
        options: dict[str, Any] = {"learn_sigma": False, **self.config.network}
        return IDMNetwork(UNetConfig(**options))

    def losses(self, module: IDMNetwork, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        target, original = _mirrored(batch, generator) if self.config.flip else _pair(batch)
        degraded = degrade_at_random(original, self.degradation, generator)
        gamma = self.draw_levels(len(target), generator).to(target)
        eps = torch.randn(target.shape, generator=generator).to(target)
        return {"loss": self.error(module, degraded, target, gamma, eps)}

    def error(
        self, module: IDMNetwork, degraded: Tensor, x0: Tensor, gamma: Tensor, eps: Tensor
    ) -> Tensor:
        """Return the mean of |f(x_d, x_t, gamma) - target|^p with x_t of eq. 5; eq. 6 or 7.

        Args:
            module: f.
            degraded: x_d, `(B, 3, H, W)`.
            x0: x, the same shape.
            gamma: Abar, `(B,)`.
            eps: Standard normal, of x's shape.
        """
        level = gamma.view(-1, 1, 1, 1)
        x_t = level.sqrt() * x0 + (1 - level).sqrt() * eps
        target = x0 if self.prediction == "x0" else eps
        return (module.estimate(degraded, x_t, gamma) - target).abs().pow(self.p).mean()

    def draw_levels(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw `(count,)` noise levels: t from each of `count` equal parts, gamma next to abar_t.

        Gamma is uniform between abar_t and abar_{t-1}, which is 1 before the first step.
        """
        t = stratified_timesteps(count, self.schedule, generator)
        before = torch.where(t > 0, self.levels[t - 1], torch.ones((), dtype=self.levels.dtype))
        # rand is below 1, so that gamma is too and there is always some noise.
        share = torch.rand(count, generator=generator)
        return self.levels[t] + share * (before - self.levels[t])

    def validate(self, module: IDMNetwork, faces: FaceSource) -> dict[str, float]:
        """Return the loss on fixed noise, PSNR of sampled restorations and of what they were given.

        The restorations are compared with the targets, which were enhanced where the set was.
        """
        truth, original = _pair(faces.first(VALIDATION_IMAGES))
        degraded, _ = degrade(original, self.degradation, 0)
        levels = self.draw_levels(len(truth), torch.Generator().manual_seed(0)).float()
        eps = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
        device = home(module)
        parts = (degraded, truth, levels, eps)
        error = self.error(module, *(part.to(device) for part in parts))
        restored = self.restored(module, degraded)
        return {
            "validation_loss": float(error),
            **restoration_scores(restored, degraded, truth),
        }

    def restored(self, module: IDMNetwork, degraded: Tensor) -> Tensor:
        """Return the restoration of faces `(B, 3, H, W)`: the restorer's own steps, fixed seeds."""
        restorer = IDMRestorer(IDMPrior(module, self.prior_config(module)))
        return restorer(degraded, noise=seeded_noise(degraded, 0))

    def sheet(self, module: IDMNetwork, faces: FaceSource) -> list[Tensor]:
        """Return degraded faces, their restorations, and the truth."""
        truth, original = (images[::8] for images in _pair(faces.first(64)))
        degraded, _ = degrade(original, self.degradation, 0)
        return [degraded, self.restored(module, degraded), truth]

    def prior_config(self, module: IDMNetwork) -> PriorConfig:
        """Return what the weights' shapes cannot tell."""
        return prior_config(
            module.config, self.config.image_size, self.schedule, self.prediction, "fixed_large"
        )

    def export(self, module: IDMNetwork) -> Exported:
        """See `Objective`; the loaders are `load_restorer("idm", path)` and `load_prior`."""
        return Exported(module.state_dict(), self.prior_config(module).to_metadata())


def _pair(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the targets, and what is degraded: the originals, where the set was enhanced."""
    return batch.images, batch.images if batch.originals is None else batch.originals


def _mirrored(batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror a random half of the pairs, both pictures alike."""
    both = torch.cat(_pair(batch), dim=1)
    target, original = mirrored(both, generator).chunk(2, dim=1)
    return target.contiguous(), original.contiguous()


add_preset(
    "idm",
    TrainingConfig(
        objective="idm",
        network={
            "width": 64,
            "channel_mult": (1, 1),
            "num_res_blocks": (1, 1),
            "attention_levels": (1,),
            "patch_size": 4,
            "num_head_channels": 32,
        },
        # At 64 px IDM's own ranges, 1/8 of those at 512, degrade next to nothing.
        options={"degradation": "pdgrad"},
        batch_size=16,
        total_images=100_000,
        learning_rate=1e-3,
        cooldown_images=40_000,
        ema_std=0.08,
    ),
)
# The paper's numbers; it says nothing of a ramp, a limit on the gradient or an average.
_IDM_512 = TrainingConfig(
    objective="idm",
    network={field.name: getattr(IDM_512, field.name) for field in fields(UNetConfig)},
    image_size=512,
    batch_size=32,
    total_images=32 * 100_000,
    learning_rate=1e-4,
    warmup_images=0,
    cooldown_images=0,
    betas=(0.9, 0.999),
    gradient_clip=0.0,
    snapshot_images=32 * 5_000,
)
add_preset("idm-512", _IDM_512)
# The model that predicts the noise takes ten times as long.
add_preset(
    "idm-512-eps",
    replace(_IDM_512, options={"prediction": "eps"}, total_images=32 * 1_000_000),
)

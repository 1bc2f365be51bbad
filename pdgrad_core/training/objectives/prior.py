"""The diffusion prior: predict v (or the noise) at a random timestep; the variance if asked."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, get_args

import numpy as np
import torch
from torch import Tensor

from ...diffusion.noise import PerImageNoise, per_image_generators
from ...diffusion.prior import Prediction
from ...diffusion.priors.guided_diffusion import DiffusionPrior, PriorConfig
from ...diffusion.sampler import Sampler
from ...diffusion.schedule import Schedule
from ...diffusion.unet import UNet, UNetConfig
from ...errors import InvalidInputError
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from ..noising import prior_config, stratified_timesteps
from .base import OBJECTIVES, Exported, Losses, Objective, home, mirrored

SHEET_IMAGES = 32
SHEET_STEPS = 50


@OBJECTIVES.register("prior")
class PriorObjective(Objective):
    """Denoising at uniformly drawn timesteps of the linear schedule.

    Source: Ho et al. 2020, eq. 14 (eps); Salimans & Ho 2022 (v); Nichol & Dhariwal 2021, eq. 16
        (the hybrid loss of a learned variance).
    Deviations: timesteps are stratified over the batch, for a less noisy gradient.

    Options: "prediction" ("eps", "v" or "x0") and "vlb_weight", lambda of the hybrid loss.
    """

    network_keys = tuple(field.name for field in fields(UNetConfig))
    option_defaults: ClassVar[Mapping[str, Any]] = {"prediction": "v", "vlb_weight": 1e-3}

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.prediction: Prediction = self.options["prediction"]
        if self.prediction not in get_args(Prediction):
            raise InvalidInputError(
                f"prediction must be one of {', '.join(get_args(Prediction))}, "
                f"not {self.prediction!r}."
            )
        self.vlb_weight = float(self.options["vlb_weight"])
        self.schedule = Schedule.linear()
        self.tables = {
            name: torch.from_numpy(np.asarray(getattr(self.schedule, name))).float()
            for name in (
                "sqrt_alphas_cumprod",
                "sqrt_one_minus_alphas_cumprod",
                "posterior_log_variance_clipped",
                "posterior_mean_coef1",
                "posterior_mean_coef2",
                "betas",
            )
        }

    def build(self) -> UNet:
        """See `Objective`."""
        options: dict[str, Any] = {"learn_sigma": False, **self.config.network}
        return UNet(UNetConfig(**options))

    def losses(self, module: UNet, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        x0 = mirrored(batch.images, generator) if self.config.flip else batch.images
        t = stratified_timesteps(len(x0), self.schedule, generator).to(x0.device)
        eps = torch.randn(x0.shape, generator=generator).to(x0.device)
        a, b = self._at("sqrt_alphas_cumprod", t), self._at("sqrt_one_minus_alphas_cumprod", t)
        x_t = a * x0 + b * eps
        output = module(x_t, t)
        prediction = output[:, :3]
        target = {"eps": eps, "x0": x0, "v": a * eps - b * x0}[self.prediction]
        error = (prediction - target).square().mean()
        if not module.config.learn_sigma:
            return {"loss": error}
        x0hat = {
            "eps": (x_t - b * prediction.detach()) / a,
            "x0": prediction.detach(),
            "v": a * x_t - b * prediction.detach(),
        }[self.prediction].clamp(-1, 1)
        bound = self._variational_bound(x0, x0hat, x_t, output[:, 3:], t)
        return {"loss": error + self.vlb_weight * bound, "mse": error, "vlb": bound}

    def _variational_bound(
        self, x0: Tensor, x0hat: Tensor, x_t: Tensor, v: Tensor, t: Tensor
    ) -> Tensor:
        """Return T times the mean KL of the posterior from the step, in nats per pixel.

        The mean is detached, so that only the variance learns from this.
        """
        c0, ct = self._at("posterior_mean_coef1", t), self._at("posterior_mean_coef2", t)
        truth, mean = c0 * x0 + ct * x_t, c0 * x0hat + ct * x_t
        low = self._at("posterior_log_variance_clipped", t)
        high = self._at("betas", t).log()
        fraction = (v + 1) / 2
        log_variance = fraction * high + (1 - fraction) * low
        gap = ((truth - mean).square() + low.exp()) * (-log_variance).exp()
        kl = 0.5 * (log_variance - low + gap - 1)
        return len(self.schedule) * kl.mean()

    def validate(self, module: UNet, faces: FaceSource) -> dict[str, float]:
        """Return the loss on fixed noise at evenly spread timesteps."""
        batch = faces.first(128).to(home(module))
        generator = torch.Generator().manual_seed(0)
        flip_free = [float(self._error(module, part, generator)) for part in batch.images.split(32)]
        return {"validation_loss": sum(flip_free) / len(flip_free)}

    def _error(self, module: UNet, x0: Tensor, generator: torch.Generator) -> Tensor:
        t = torch.linspace(0, len(self.schedule) - 1, len(x0)).long().to(x0.device)
        eps = torch.randn(x0.shape, generator=generator).to(x0.device)
        a, b = self._at("sqrt_alphas_cumprod", t), self._at("sqrt_one_minus_alphas_cumprod", t)
        target = {"eps": eps, "x0": x0, "v": a * eps - b * x0}[self.prediction]
        return (module(a * x0 + b * eps, t)[:, :3] - target).square().mean()

    def sheet(self, module: UNet, faces: FaceSource) -> list[Tensor]:  # noqa: ARG002
        """Return unconditional samples: DDPM, `SHEET_STEPS` steps, fixed seeds."""
        prior = DiffusionPrior(module, self.prior_config(module))
        size = self.config.image_size
        device = home(module)
        noise = PerImageNoise(per_image_generators(range(SHEET_IMAGES)), (3, size, size), device)
        plan = self.schedule.plan(steps=SHEET_STEPS)
        samples = Sampler(prior, plan).run(noise(), noise).image
        return list(samples.split(8))

    def prior_config(self, module: UNet) -> PriorConfig:
        """Return what the weights' shapes cannot tell."""
        return prior_config(
            module.config, self.config.image_size, self.schedule, self.prediction, "fixed_small"
        )

    def export(self, module: UNet) -> Exported:
        """See `Objective`; the loader is `diffusion.prior.load_prior`."""
        return Exported(module.state_dict(), self.prior_config(module).to_metadata())

    def _at(self, name: str, t: Tensor) -> Tensor:
        return self.tables[name].to(t.device)[t].view(-1, 1, 1, 1)

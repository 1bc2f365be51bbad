"""The prior as the host's own pixel-space MODEL."""

import copy
from typing import Any

import comfy.latent_formats
import comfy.model_base
import comfy.model_management as management
import comfy.supported_models_base
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ..pdgrad_core.diffusion.priors import LoadedPrior


class PixelSpace(comfy.latent_formats.LatentFormat):
    """Latents are the pixels themselves, in [-1, 1]."""

    latent_channels = 3
    latent_rgb_factors = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    spacial_downscale_ratio = 1


class PixelSpaceDDPM(comfy.supported_models_base.BASE):
    """A DDPM with the linear schedule of guided-diffusion; the host calls it "sqrt_linear"."""

    unet_extra_config: dict[str, Any] = {}  # noqa: RUF012  (as the host declares it)
    latent_format = PixelSpace
    memory_usage_factor = 4.0


class Adapter(nn.Module):
    """A prior's network as the host calls one.

    Args:
        network: Gives `(B, 3 or 6, H, W)` for x_t and t.
    """

    dtype = torch.float32
    """In what the host hands x_t over; the network converts it itself."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, timesteps: Tensor, **_host: Any) -> Tensor:
        """Return the prediction; a learned variance is left to the pack's own sampler."""
        return self.network(x, timesteps)[:, :3]


def native_patcher(prior: LoadedPrior) -> Any:
    """Return a ModelPatcher that KSampler and its relatives can sample.

    The network is copied: two of the host's handles on one network would move it under each
    other's feet.

    Args:
        prior: Predicts eps or v.
    """
    config = PixelSpaceDDPM({"disable_unet_model_creation": True, "in_channels": 3})
    betas = prior.schedule.betas
    config.sampling_settings = {
        "beta_schedule": "sqrt_linear",
        "linear_start": float(betas[0]),
        "linear_end": float(betas[-1]),
        "timesteps": len(betas),
    }
    config.set_inference_dtype(torch.float32, None)
    kinds = comfy.model_base.ModelType
    kind = kinds.EPS if prior.prediction == "eps" else kinds.V_PREDICTION
    offload = management.unet_offload_device()
    model = comfy.model_base.BaseModel(config, kind, device=offload)
    model.diffusion_model = Adapter(copy.deepcopy(prior.network).to(offload))
    patcher = ModelPatcher(model, management.get_torch_device(), offload)
    patcher.set_model_sampler_post_cfg_function(_clipped)
    return patcher


def _clipped(args: dict[str, Any]) -> Tensor:
    return args["denoised"].clamp(-1, 1)

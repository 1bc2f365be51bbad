"""What objectives that teach a diffusion model share."""

import torch
from torch import Tensor

from ..diffusion.prior import Prediction
from ..diffusion.priors.guided_diffusion import PriorConfig, VarianceKind
from ..diffusion.schedule import Schedule
from ..diffusion.unet import UNetConfig


def stratified_timesteps(count: int, schedule: Schedule, generator: torch.Generator) -> Tensor:
    """Draw `(count,)` timesteps in random order, one from each of `count` equal parts."""
    place = torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
    return (place / count * len(schedule)).long().clamp(max=len(schedule) - 1)


def prior_config(
    network: UNetConfig, image_size: int, schedule: Schedule, prediction: Prediction,
    variance: VarianceKind,
) -> PriorConfig:  # fmt: skip
    """Return what the weights' shapes cannot tell, for a trained network's metadata."""
    return PriorConfig(
        image_size=image_size,
        num_head_channels=network.num_head_channels,
        new_attention_order=network.new_attention_order,
        num_train_timesteps=len(schedule),
        prediction=prediction,
        variance=variance,
    )

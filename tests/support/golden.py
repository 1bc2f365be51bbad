"""Reads the golden vectors that were made by running official implementations."""

from pathlib import Path

import torch
from recipe import fill
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name: str) -> dict[str, Tensor]:
    """Return the tensors of one golden file."""
    return load_file(GOLDEN / f"{name}.safetensors")


def tiny_unet():
    """Return the golden files' tiny U-Net: its weights follow the recipe, so none are stored."""
    from pdgrad_core.diffusion.unet import UNet, UNetConfig

    config = UNetConfig(32, (1, 2, 2), (1, 1, 1), (2,), num_head_channels=32)
    return fill(UNet(config))


def tiny_prior():
    """Return the tiny U-Net as a prior with the linear schedule."""
    from pdgrad_core.diffusion.priors.guided_diffusion import DiffusionPrior, PriorConfig

    return DiffusionPrior(tiny_unet(), PriorConfig(image_size=64, num_head_channels=32))


def assert_near(found: Tensor, expected: Tensor, atol: float, rtol: float = 0.0) -> None:
    """Compare with the tolerance that the golden vectors state for this tensor."""
    torch.testing.assert_close(found, expected, atol=atol, rtol=rtol, check_dtype=False)

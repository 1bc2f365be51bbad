"""Full-size networks with seeded random weights, built in memory: time needs no training."""

import torch
from torch import Tensor

from ..diffusion.priors.guided_diffusion import DiffusionPrior, PriorConfig
from ..diffusion.unet import UNet, config_from_state_dict
from ..features.arcface import IResNetArcFace
from ..features.base import FeatureNetwork
from ..features.iresnet import IResNet
from ..features.vgg import HEAD_TAPS, VGG16, PerceptualNetwork
from ..weights.testing import random_state_dict, read_layout


def random_features(seed: int) -> dict[str, FeatureNetwork]:
    """Return iresnet50 and VGG16, with heads drawn evenly from 0..1.

    Args:
        seed: Which random numbers, 0 or greater.
    """
    arcface = IResNet()
    arcface.load_state_dict(_state("arcface-iresnet50", seed))
    trunk = VGG16()
    trunk.load_state_dict(_state("vgg16", seed))
    generator = torch.Generator().manual_seed(seed)
    widths = (64, 128, 256, 512, 512)
    heads = [torch.rand(w, generator=generator) for w in widths[: len(HEAD_TAPS)]]
    return {"arcface": IResNetArcFace(arcface), "vgg": PerceptualNetwork(trunk, heads)}


def random_prior(seed: int) -> DiffusionPrior:
    """Return the FFHQ-512 prior's U-Net.

    Args:
        seed: Which random numbers, 0 or greater.
    """
    state = _state("ffhq512-prior", seed)
    network = UNet(config_from_state_dict(state))
    network.load_state_dict(state)
    return DiffusionPrior(network, PriorConfig(image_size=512))


def _state(name: str, seed: int) -> dict[str, Tensor]:
    return dict(random_state_dict(read_layout(name), seed))

"""Small feature networks with random weights, built alike wherever a test needs them."""

import torch
from recipe import fill

from pdgrad_core.diffusion.priors.guided_diffusion import DiffusionPrior
from pdgrad_core.features.arcface import ArcFace, IResNetArcFace
from pdgrad_core.features.base import FeatureNetwork, Precision
from pdgrad_core.features.discriminator import Discriminator
from pdgrad_core.features.iresnet import IResNet, IResNetConfig
from pdgrad_core.features.vgg import VGG16, PerceptualNetwork
from pdgrad_core.gan.discriminator import StyleGANDiscriminator

SMALL_IRESNET = IResNetConfig((1, 2, 2, 1), (8, 12, 16, 24), 20, 32)
SMALL_WIDTHS = (8, 12, 16, 20, 24)


def small_arcface():
    return IResNetArcFace(fill(IResNet(SMALL_IRESNET)))


def small_vgg():
    generator = torch.Generator().manual_seed(0)
    heads = [torch.rand(width, generator=generator) for width in SMALL_WIDTHS]
    return PerceptualNetwork(fill(VGG16(SMALL_WIDTHS), gain=2**0.5), heads)


def small_discriminator():
    """A discriminator of images of 32x32 pixels."""
    return Discriminator(fill(StyleGANDiscriminator((4, 4, 6, 8))))


def small_networks():
    return {"arcface": small_arcface(), "vgg": small_vgg()}


def in_float64(network):
    """Let a feature network, prior or restorer compute in float64, where gates do not flip."""
    if isinstance(network, DiffusionPrior):
        return network.to(dtype=torch.float64)
    for part in ("network", "trunk"):
        if hasattr(network, part):
            getattr(network, part).double()
    if isinstance(network, PerceptualNetwork):
        network.heads = {tap: head.double() for tap, head in network.heads.items()}
    if isinstance(network, FeatureNetwork):
        network.precision = Precision(torch.float64, torch.float64)
    return network


def images(batch=1, size=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, size, size, generator=generator) * 2 - 1


class GoldenEmbedder(ArcFace):
    """The network that stands in for ArcFace in the golden p_sample files."""

    taps = ("embedding",)
    low_taps = ("embedding",) * 3

    def __init__(self, vectors, dtype=torch.float32):
        weights = {k.removeprefix("embed."): v for k, v in vectors.items()}
        self.weights = {k: v.to(dtype) for k, v in weights.items() if v.is_floating_point()}

    def network_features(self, face, taps):
        x = face
        for i in (1, 2, 3, 4):
            w, b = self.weights[f"conv{i}.weight"], self.weights[f"conv{i}.bias"]
            x = torch.nn.functional.silu(torch.nn.functional.conv2d(x, w, b, stride=2, padding=1))
        x = torch.nn.functional.linear(x.flatten(1), self.weights["fc.weight"])
        return {"embedding": x + self.weights["fc.bias"]}

"""What a benchmark of a step is given: networks, published or random, and pictures."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion.priors import LoadedPrior, load_prior
from ..features.arcface import load_arcface
from ..features.base import FeatureNetwork
from ..features.vgg import load_perceptual
from ..weights.folders import find, search_folders
from .random_models import random_features, random_prior

SEED = 0


def load_networks(
    models: Path | None, device: torch.device, *, whole_step: bool
) -> tuple[dict[str, FeatureNetwork], LoadedPrior | None]:
    """Return PDGrad's feature networks, and for a whole step the prior, in float32.

    Args:
        models: Folder of weights; None for random ones.
        device: Where they are put.
        whole_step: Whether the prior is wanted.
    """
    prior: LoadedPrior | None = None
    if models is None:
        features = random_features(SEED)
        prior = random_prior(SEED) if whole_step else None
    else:
        folders = search_folders(models)
        features: dict[str, FeatureNetwork] = {
            "arcface": load_arcface(find("arcface-iresnet50", folders)),
            "vgg": load_perceptual(find("vgg16", folders)),
        }
        prior = load_prior(find("ffhq512-prior", folders)) if whole_step else None
    for network in features.values():
        network.to(device)
    return features, None if prior is None else prior.to(device)


def pictures(size_px: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return x0hat, y_c and y_r `(1, 3, S, S)`: smooth random pictures that resemble each other."""
    generator = torch.Generator().manual_seed(SEED)

    def draw(cells: int) -> Tensor:
        coarse = torch.randn(1, 3, cells, cells, generator=generator)
        return F.interpolate(coarse, size=(size_px, size_px), mode="bicubic")

    base = 0.4 * draw(8)
    drawn = [(base + 0.15 * draw(16) + 0.1 * draw(size_px // 4)).clamp(-1, 1) for _ in range(3)]
    x0hat, coarse, reference = (picture.to(device) for picture in drawn)
    return x0hat, coarse, reference

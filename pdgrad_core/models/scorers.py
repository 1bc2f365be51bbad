"""Networks that never guide, for scoring what others restored."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..embedded import demo_weights
from ..errors import InvalidInputError
from ..features.arcface import ArcFace, load_arcface
from ..features.vgg import PerceptualNetwork, load_perceptual
from ..losses.perceptual import LPIPSDistance
from ..metrics import METRICS, Metric
from ..weights.integrity import sha256_of
from .sets import DEMO, ModelSet, demo_paths, load_paths

SCORES = ("psnr", "ssim", "lpips", "deg")
"""The metrics of the demo and of every study, in the order of their tables."""

_SCORED_APART = (("arcface", "scorer-arcface"), ("vgg", "scorer-vgg"))


@dataclass(frozen=True)
class Scorers:
    """Networks that never guide, for the metrics of drawn faces.

    Attributes:
        arcface: Gives `embed` for Deg and IDS.
        perceptual: Trunk and heads of LPIPS.
    """

    arcface: ArcFace
    perceptual: PerceptualNetwork

    @property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """Images `(B, 3, H, W)` in [-1, 1] to embeddings `(B, D)`."""
        return self.arcface.embed

    @property
    def distance(self) -> Callable[[Tensor, Tensor], Tensor]:
        """LPIPS's distance `(B,)` of two batches `(B, 3, H, W)` in [-1, 1]."""
        return LPIPSDistance(self.perceptual)

    def metric(self, name: str) -> Metric:
        """Return a metric that looks through these networks, by its name in `METRICS`."""
        needs: dict[str, tuple[Any, ...]] = {
            "nothing": (),
            "distance": (self.distance,),
            "embedding": (self.embed,),
        }
        return METRICS[name](*needs[METRICS[name].needs])

    @torch.no_grad()
    def score(self, result: Tensor, truth: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Return metrics by name, `(B,)` each on the CPU.

        Args:
            result: `(B, 3, H, W)` in [-1, 1], on the scorers' device.
            truth: The same shape and range.
            names: Keys in `METRICS`.
        """
        return {name: self.metric(name)(result, truth).cpu() for name in names}


def load_scorers(device: torch.device | str = "cpu", folder: Path | None = None) -> Scorers:
    """Load the scorers of drawn faces.

    Args:
        device: Where they are put.
        folder: Where files of the embedded ones' names lie; None for the embedded ones.

    Raises:
        CheckpointNotFoundError: A file is missing.
    """
    with torch.inference_mode(False):
        return Scorers(
            load_arcface(demo_weights("scorer-arcface", folder), device),
            load_perceptual(demo_weights("scorer-vgg", folder), device=device),
        )


def load_with_scorers(
    folder: Path | None = None, device: torch.device | str = "cpu"
) -> tuple[ModelSet, Scorers]:
    """Load the six small networks of `scripts/train.py`: those that restore, and the scorers.

    Args:
        folder: Where they lie under the embedded ones' names; None for the embedded ones.
        device: Where they are put.

    Raises:
        CheckpointNotFoundError: A file is missing.
        InvalidInputError: A scorer is the very network that guides.
    """
    features = ("arcface", "vgg")
    paths = demo_paths(DEMO, features, folder=folder)
    for guide, scorer in _SCORED_APART:
        paths[scorer] = demo_weights(scorer, folder)
        if sha256_of(paths[guide]) == sha256_of(paths[scorer]):
            raise InvalidInputError(
                f"{paths[scorer].name} is the same network as {paths[guide].name}: what guides "
                "must not score. Train the scorer apart, from another seed."
            )
    models = load_paths(paths, DEMO, features, device)
    models.name = DEMO
    return models, load_scorers(device, folder)

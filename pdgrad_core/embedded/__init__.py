"""The embedded models: weights for drawn faces, shipped in the package.

    paths = {role: demo_weights(role) for role in ROLES}
    prior = load_prior(paths["prior"])

Each file says in its metadata by which command it was made; `docs/training.md` has the figures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import CheckpointNotFoundError
from ..features.arcface import ArcFace, load_arcface
from ..features.vgg import HEAD_TAPS, PerceptualNetwork, load_perceptual
from ..losses.perceptual import PerceptualLoss
from ..registry import unknown_name

WEIGHTS = Path(__file__).parent / "weights"

SIZE_PX = 64
"""Side of the faces that the embedded models know."""

ROLES: dict[str, str] = {
    "prior": "prior.safetensors",
    "arcface": "identity.safetensors",
    "vgg": "perceptual.safetensors",
    "restorer": "coarse.safetensors",
    "scorer-arcface": "scorer-identity.safetensors",
    "scorer-vgg": "scorer-perceptual.safetensors",
}
"""File of each role; the scorers were trained apart from the networks that guide."""


def demo_weights(role: str) -> Path:
    """Return the weight file of a role.

    Args:
        role: A key of `ROLES`.

    Raises:
        UnknownNameError: There is no such role.
        CheckpointNotFoundError: The package came without this file.
    """
    if role not in ROLES:
        raise unknown_name("role of a demo model", role, list(ROLES))
    path = WEIGHTS / ROLES[role]
    if not path.is_file():
        raise CheckpointNotFoundError(
            f"The embedded weights {path.name} are missing from the package; install it again, or "
            f"train them with: python scripts/train.py {path.stem} --images drawn --out runs"
        )
    return path


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

    @torch.no_grad()
    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the LPIPS distance `(B,)` of two batches `(B, 3, H, W)` in [-1, 1]."""
        loss = PerceptualLoss(HEAD_TAPS)
        target = loss.target(self.perceptual, second)
        return loss(self.perceptual, self.perceptual.features(first, HEAD_TAPS), target)


def load_scorers(device: torch.device | str = "cpu") -> Scorers:
    """Load the embedded scorers.

    Args:
        device: Where they are put.

    Raises:
        CheckpointNotFoundError: The package came without them.
    """
    with torch.inference_mode(False):
        return Scorers(
            load_arcface(demo_weights("scorer-arcface"), device),
            load_perceptual(demo_weights("scorer-vgg"), device=device),
        )

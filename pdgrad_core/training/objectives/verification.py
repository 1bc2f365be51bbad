"""Figures of face verification: are two pictures of one person told from those of two?"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pair_cosines(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines of all pairs of one person, and of all pairs of two.

    Args:
        embeddings: `(N, D)`.
        labels: Person, `(N,)`.
    """
    unit = F.normalize(embeddings)
    first, second = torch.triu_indices(len(unit), len(unit), offset=1)
    cosines = (unit @ unit.T)[first, second]
    same = labels[first] == labels[second]
    return cosines[same], cosines[~same]


def tar_at_far(same: Tensor, other: Tensor, far: float) -> float:
    """Return the share of same pairs above the threshold that `far` of the other pairs pass."""
    threshold = other.sort(descending=True).values[int(far * len(other))]
    return float((same > threshold).float().mean())


def accuracy(same: Tensor, other: Tensor) -> float:
    """Return the mean of both kinds' shares told right, at the best threshold."""
    thresholds = torch.linspace(-1, 1, 201)
    right = (same.sort().values, other.sort().values)
    accepted = 1 - torch.searchsorted(right[0], thresholds) / len(same)
    rejected = torch.searchsorted(right[1], thresholds) / len(other)
    return float(((accepted + rejected) / 2).max())

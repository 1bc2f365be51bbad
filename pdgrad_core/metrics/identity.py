"""Deg and IDS: how alike two faces are to a face recognition network."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInputError
from .base import METRICS, Metric


def ids(embedding_a: Tensor, embedding_b: Tensor) -> Tensor:
    """Return the cosine between the embeddings of each pair.

    Args:
        embedding_a: `(B, D)`, of any length.
        embedding_b: The same shape.

    Returns:
        `(B,)` float32 from -1 to 1; 0 where an embedding is zero.

    Raises:
        InvalidInputError: The shapes differ, or are not `(B, D)`.
    """
    return _cosine(embedding_a, embedding_b).float()


def deg(embedding_a: Tensor, embedding_b: Tensor) -> Tensor:
    """Return the angle between the embeddings of each pair.

    Args:
        embedding_a: `(B, D)`, of any length.
        embedding_b: The same shape.

    Returns:
        `(B,)` float32 in degrees, from 0 (the same person) through 90 (nothing in common) to 180.

    Raises:
        InvalidInputError: The shapes differ, or are not `(B, D)`.
    """
    return torch.rad2deg(torch.acos(_cosine(embedding_a, embedding_b).clamp(-1, 1))).float()


class _IdentityMetric(Metric):
    """A number from the embeddings of both faces.

    Args:
        embedding: `image -> (B, D)` for images `(B, 3, H, W)` in [-1, 1].
    """

    needs = "embedding"

    def __init__(self, embedding: Callable[[Tensor], Tensor]) -> None:
        self.embedding = embedding


@METRICS.register("deg")
class Deg(_IdentityMetric):
    """Angle between the ArcFace embeddings of result and truth, in degrees.

    Source: PDGrad section 4.1.3.
    Deviations: the paper's scoring network is unpublished: figures compare only where the network
        is the same, and a network that guided a restoration must not score it.
    """

    label = "Deg"
    unit = "degrees"
    higher_is_better = False
    digits = 2

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        return deg(self.embedding(result), self.embedding(truth))


@METRICS.register("ids")
class IDS(_IdentityMetric):
    """Cosine between the ArcFace embeddings of result and truth.

    Source: identity similarity as PGDiff and IDM report it.
    Deviations: as for `Deg`.
    """

    label = "IDS"
    higher_is_better = True

    def _compare(self, result: Tensor, truth: Tensor) -> Tensor:
        return ids(self.embedding(result), self.embedding(truth))


@METRICS.register("deg_reference")
class DegReference(Deg):
    """Angle between the ArcFace embeddings of result and reference photo, in degrees.

    Source: as `Deg`; what can be said of a person where there is no truth.
    Deviations: as for `Deg`. Guidance pulls towards this very photo, so a small angle alone is no
        proof of a likeness: it is to be read beside the angle of other photos of the person.
    """

    label = "Deg to reference"
    against = "reference"


def _cosine(embedding_a: Tensor, embedding_b: Tensor) -> Tensor:
    if embedding_a.ndim != 2 or embedding_a.shape != embedding_b.shape:
        raise InvalidInputError(
            "Two embeddings must have one shape (B, D), found "
            f"{tuple(embedding_a.shape)} and {tuple(embedding_b.shape)}."
        )
    # On the CPU in float64: the angle's slope is infinite at cosine 1, and MPS has no float64.
    first, second = embedding_a.detach().cpu().double(), embedding_b.detach().cpu().double()
    return F.cosine_similarity(first, second, dim=1, eps=1e-30)

"""Several reference photos: average their losses, or take the one nearest in identity."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ..features.arcface import ArcFace
from ..images import check_finite

ReferenceChoice = Literal["mean", "nearest"]


def nearest_reference(
    references: Sequence[Tensor],
    anchor: Tensor,
    arcface: ArcFace,
    weights: Tensor | None = None,
) -> Tensor:
    """Return, for each image, the reference whose identity is nearest to the anchor's.

    Args:
        references: Each `(B or 1, 3, H, W)` in [-1, 1].
        anchor: The coarse restoration, `(B, 3, H, W)`.
        arcface: Whose embeddings are compared, by their cosine.
        weights: `(references, B or 1)`; what has weight 0 for an image is none of its references.

    Returns:
        `(B, 3, H, W)`.

    Raises:
        NonFiniteError: The network gave NaN or infinite values.
    """
    wanted = arcface.embed(anchor)
    everyone = torch.stack([reference.expand_as(anchor) for reference in references])
    cosines = torch.stack([torch.cosine_similarity(arcface.embed(one), wanted) for one in everyone])
    check_finite(cosines, "The identity of a reference or of the coarse face")
    if weights is not None:
        useless = (weights.to(cosines.device) == 0).expand_as(cosines)
        cosines = cosines.masked_fill(useless, -torch.inf)
    return everyone[cosines.argmax(0), torch.arange(anchor.shape[0], device=anchor.device)]

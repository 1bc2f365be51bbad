"""Projection without the length limit: PDGrad's ablation A2."""

from .base import COMBINERS
from .pdgrad import PDGrad


@COMBINERS.register("projection")
class Projection(PDGrad):
    """Where o opposes the pivot p, remove o's part along p: g = p + o - <o, p>/|p|^2 p.

    Source: PDGrad, ablation A2 (k = 1 always).

    Example:
        >>> import torch
        >>> p = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
        >>> o = torch.tensor([-1.0, 4, 0]).view(1, 3, 1, 1)
        >>> Projection()(torch.stack([p, o])).flatten()
        tensor([1., 4., 0.])
    """

    limit = False

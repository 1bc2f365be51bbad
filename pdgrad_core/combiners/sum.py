"""The plain sum: PDGrad's ablation A1."""

from torch import Tensor

from .base import COMBINERS, Combiner, Gram


@COMBINERS.register("sum")
class Sum(Combiner):
    """Add the gradients as they are: g = p + o.

    Source: PDGrad, ablation A1.

    Example:
        >>> import torch
        >>> Sum()(torch.ones(2, 1, 3, 4, 4)).unique()
        tensor([2.])
    """

    def lengths(self, gram: Gram, pivot: int) -> Tensor:  # noqa: ARG002
        """See `Combiner`."""
        return gram.norms

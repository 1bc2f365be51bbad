"""PDGrad's surgery: project what opposes the pivot, and never let it outgrow the pivot."""

import torch
from torch import Tensor

from .base import COMBINERS, Combiner, Gram


@COMBINERS.register("pdgrad")
class PDGrad(Combiner):
    """Keep the pivot's direction p; of an opposing o keep what is orthogonal to it, at most |p|.

    Where <p, o> >= 0: g = p + o. Else ohat = o - <o, p>/|p|^2 p, k = min(1, |p|/|ohat|), and
    g = p + k ohat.

    Source: PDGrad, the surgery of each level. With several others each is treated so by itself.

    Example:
        >>> import torch
        >>> p = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
        >>> o = torch.tensor([-1.0, 4, 0]).view(1, 3, 1, 1)
        >>> PDGrad()(torch.stack([p, o])).flatten()
        tensor([1., 1., 0.])
    """

    limit = True
    """Whether k bounds the projected gradient; ablation A2 switches it off."""

    def lengths(self, gram: Gram, pivot: int) -> Tensor:
        """See `Combiner`."""
        cosine = gram.cosines[:, pivot]
        conflict = cosine < 0
        steps = gram.norms
        if self.limit:
            # |ohat| = |o| sin, so k |o| = min(|o|, |p| / sin): no quotient of the two norms is
            # formed.
            sine = (1 - cosine**2).clamp_min(0).sqrt()
            bound = gram.norms[:, pivot, None] / sine
            steps = torch.where(conflict, torch.minimum(steps, bound), steps)
        back = torch.where(conflict, steps * cosine, 0.0).sum(1)
        lengths = steps.clone()
        lengths[:, pivot] = gram.norms[:, pivot] - back
        return lengths

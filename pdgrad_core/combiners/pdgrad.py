"""PDGrad's surgery: project what opposes the pivot, and never let it outgrow the pivot."""

import torch
from torch import Tensor

from .base import COMBINERS, Combiner, Gram

_ROUNDINGS = 4
"""Units of rounding by which 1 - cos^2 may be off: of the product, two norms, and the square."""


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
        """See `Combiner`; in lengths, ohat is |o| along o and <o, p>/|p| back along p."""
        p, o = gram.norms[:, pivot], gram.norms  # |p| (B,) and every |o| (B, M)
        cosine = gram.cosines[:, pivot]
        conflict = cosine < 0
        k_o = torch.where(conflict, self.limited(o, p, cosine), o)  # k |o|
        k_back = torch.where(conflict, k_o * cosine, 0.0)  # k <o, p> / |p|
        g = k_o.clone()
        g[:, pivot] = p - k_back.sum(1)  # g = p + k ohat
        return g

    def limited(self, o: Tensor, p: Tensor, cosine: Tensor) -> Tensor:
        """Return k |o| with k = min(1, |p| / |ohat|), `(B, M)`.

        |ohat| = |o| sin, so k |o| = min(|o|, |p| / sin): no quotient of the two norms is formed.
        A sine too small for the dtype counts as the smallest one that it can tell from 0, so that
        k ohat is at most |p| there too, be it shorter than it would have to be.
        """
        if not self.limit:
            return o
        resolved = _ROUNDINGS * torch.finfo(cosine.dtype).eps
        sine = (1 - cosine**2).clamp_min(resolved).sqrt()
        return torch.minimum(o, p[:, None] / sine)

"""The U-Net's group norm, for which another implementation may stand in."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FusedNorm(Protocol):
    """Computes a norm, scale and shift where they are given, and SiLU where it is asked for."""

    def __call__(  # noqa: D102
        self,
        norm: "GroupNorm",
        x: Tensor,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        *,
        activate: bool = True,
    ) -> Tensor: ...


class GroupNorm(nn.GroupNorm):
    """PyTorch's group norm.

    Attributes:
        fused: Where set, computes instead of it wherever no gradient is asked for.
    """

    fused: FusedNorm | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Return the norm of `(B, C, H, W)`."""
        if self.fused is not None and not _is_differentiated(input):
            return self.fused(self, input, activate=False)
        return super().forward(input)


def norm_silu(
    norm: nn.GroupNorm, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
) -> Tensor:
    """Return SiLU(norm(x) (1 + scale) + shift).

    Args:
        norm: The group norm with its weights.
        x: `(B, C, H, W)`.
        scale: `(B, C)`, with `shift`; None for neither.
        shift: `(B, C)`.
    """
    if isinstance(norm, GroupNorm) and norm.fused is not None and not _is_differentiated(x):
        return norm.fused(norm, x, scale, shift)
    h = norm(x)
    if scale is not None and shift is not None:
        h = torch.addcmul(shift[:, :, None, None], h, 1 + scale[:, :, None, None])
    return F.silu(h)


def _is_differentiated(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad

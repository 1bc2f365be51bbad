"""Triton's group norms in place of PyTorch's: off by default, as no GPU has measured them yet."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..diffusion.priors.guided_diffusion import DiffusionPrior
from ..diffusion.unet import GroupNorm, norm_silu
from ..errors import InvalidInputError, MissingDependencyError

logger = logging.getLogger(__name__)


def fuse_norms(prior: DiffusionPrior) -> None:
    """Let a prior compute norm, scale-shift and SiLU by Triton's kernels from now on.

    Args:
        prior: On a CUDA device. The kernels compile when they are first used.

    Raises:
        InvalidInputError: The prior lies on another device.
        MissingDependencyError: Triton is not installed.
    """
    if prior.device.type != "cuda":
        raise InvalidInputError(
            "Fused norms are Triton kernels, which need a CUDA device, and the prior is on "
            f"{prior.device}; choose --device cuda, or leave them out."
        )
    try:
        from ..diffusion.norms_triton import group_norm_silu
    except ImportError as error:
        raise MissingDependencyError(
            "Fused norms need the Python package 'triton', which is not installed; it comes with "
            "PyTorch for CUDA on Linux (pip install triton)."
        ) from error
    prior.fused_norms = TritonNorms(prior.network, group_norm_silu)


class TritonNorms:
    """A network's group norms by a kernel, or PyTorch's own from where the kernel fails.

    Args:
        network: Its `GroupNorm`s are told at once.
        kernel: `norms_triton.group_norm_silu`.

    Attributes:
        notes: A sentence, where it failed.
    """

    def __init__(self, network: torch.nn.Module, kernel: Callable[..., Tensor]) -> None:
        self.notes: tuple[str, ...] = ()
        self._kernel = kernel
        self._norms = [one for one in network.modules() if isinstance(one, GroupNorm)]
        self._set(self)

    def __call__(
        self,
        norm: GroupNorm,
        x: Tensor,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        *,
        activate: bool = True,
    ) -> Tensor:
        """See `GroupNorm.fused`; scale and shift are `(B, C)`."""
        condition = [one if one is None else one[:, :, None, None] for one in (scale, shift)]
        given = (x, norm.num_groups, norm.weight, norm.bias, norm.eps, *condition)
        try:
            return self._kernel(*given, activate=activate)
        except torch.OutOfMemoryError:
            raise
        # A kernel that cannot be compiled fails with almost any type, of Triton's own among them.
        except Exception as error:
            self._set(None)
            found = norm_silu(norm, x, scale, shift) if activate else norm(x)
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            said = f"The norms' kernels do not work here ({reason}), so PyTorch's own compute them."
            self.notes = (said,)
            logger.warning("%s", said)
            return found

    def _set(self, fused: Any) -> None:
        for one in self._norms:
            one.fused = fused

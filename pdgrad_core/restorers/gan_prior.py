"""Restorers that tell a StyleGAN2 which face to make: in one pass, with invented detail."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import Checkpoint
from ..errors import WrongArchitectureError
from .base import RESTORERS, Restorer


@RESTORERS.register("gan-prior")
class GANPriorRestorer(Restorer):
    """A codec with MMRBs and a decoder before StyleGAN2.

    Source: Hu et al., Enhancing quality of pose-varied face restoration with local weak feature
        sensing and GAN prior (2022).
    Deviations: see `MMRB` and `Decoder`; none is published, so there is nothing to compare with.

    Args:
        network: The network with its weights.
        size_px: Side of its faces.
    """

    name = "gan-prior"
    weights = "gan-prior-512"
    decodes: ClassVar[bool] = True
    """Whether its files have the paper's decoder; those of GPEN have none."""

    def __init__(self, network: nn.Module, size_px: int) -> None:
        self.network = network.eval().requires_grad_(False)
        self.size_px = size_px

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Build the network from the tensors' shapes and load them; see `load_gan_prior`.

        Raises:
            WrongArchitectureError: The file is of another network.
        """
        from ..gan.reading import load_gan_prior

        network = load_gan_prior(checkpoint)
        if network.config.decoder != cls.decodes:
            other = "gpen" if cls.decodes else "gan-prior"
            raise WrongArchitectureError(
                f"{checkpoint.name} has {'a' if network.config.decoder else 'no'} decoder between "
                f"its encoder and its generator; load it as the restorer {other!r}."
            )
        return cls(network, network.image_size, **options)

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Move the network; it computes in float32 at least.

        Its styles scale features to a size that 16 bits may not hold, and it runs once per photo.
        """
        wide = dtype if dtype is None or dtype == torch.float64 else torch.float32
        return super().to(device, wide)

    def _restore(self, degraded: Tensor, _x_t: Tensor | None, _t: Tensor | None, /) -> Tensor:
        assert self.network is not None
        return self.network(degraded)


@RESTORERS.register("gpen")
class GPEN(GANPriorRestorer):
    """GPEN: the encoder's own features beside StyleGAN2's, without MMRBs and decoder.

    Source: Yang et al., GAN prior embedded network for blind face restoration in the wild (2021)
        and its official code.
    Deviations: none; the same state-dict names, the same output before the clamp.
    """

    name = "gpen"
    weights = "gpen-512"
    decodes = False

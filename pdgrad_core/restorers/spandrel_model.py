"""Face restorers that spandrel knows: CodeFormer, GFPGAN, RestoreFormer.

spandrel's descriptor is used to recognise and load a network only. Calling the descriptor would
give CodeFormer and GFPGAN images of the wrong range, clamp, and return inference tensors.
"""

from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import Checkpoint
from ..dependencies import require
from ..errors import WrongArchitectureError
from ..parameters import Param
from .base import RESTORERS, Restorer

FACE_SIZE_PX = 512
"""All of them were trained on faces of this size, and two of them take no other."""

FaceFidelity = Annotated[
    float,
    Param(
        0.0,
        1.0,
        0.05,
        tooltip="CodeFormer's w: 0 for the cleanest face, 1 for the closest to the photo.",
    ),
]

_CODEFORMER_KEYS = ("position_emb", "idx_pred_layer.1.weight")


@RESTORERS.register("spandrel_model")
class SpandrelModel(Restorer):
    """Any of the face restorers that spandrel recognises in a file.

    Source: CodeFormer (Zhou et al. 2022), GFPGAN (Wang et al. 2021), RestoreFormer (Wang et al.
        2022), as spandrel and spandrel-extra-arches carry them.
    Deviations: GFPGAN uses the noise stored with its weights instead of fresh noise, so that the
        same photo always gives the same face.

    Args:
        network: The network with its weights.
        architecture: Its name in spandrel's registry.
        fidelity: CodeFormer's w, from 0 to 1; without effect on the others.
    """

    name = "spandrel_model"
    size_px = FACE_SIZE_PX
    architectures: ClassVar[tuple[str, ...]] = ("CodeFormer", "GFPGAN", "RestoreFormer")

    def __init__(self, network: nn.Module, architecture: str, fidelity: FaceFidelity = 0.5) -> None:
        self.network = network.eval().requires_grad_(False)
        self.architecture = architecture
        self.fidelity = fidelity

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Recognise the architecture in the tensors, build it and load them.

        Raises:
            WrongArchitectureError: The tensors are of another network.
            MissingDependencyError: spandrel, or for CodeFormer spandrel-extra-arches, is missing.
        """
        architecture, network = _recognise(checkpoint)
        if architecture not in cls.architectures:
            raise WrongArchitectureError(
                f"{checkpoint.name} is a checkpoint of {architecture}, not of "
                f"{' or '.join(cls.architectures)}; choose another file or another restorer."
            )
        return cls(network, architecture, **options)

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,  # noqa: ARG002
    ) -> Self:
        """Move the network; it stays in float32.

        CodeFormer's code book lookup mixes float32 with any other dtype and fails. The network
        runs once per photo, so there is little to gain.
        """
        return super().to(device, torch.float32)

    def _restore(self, degraded: Tensor, _x_t: Tensor | None, _t: Tensor | None, /) -> Tensor:
        assert self.network is not None
        if self.architecture == "CodeFormer":
            # The keyword is `weight`; any other name would be swallowed without effect.
            return self.network(degraded, weight=self.fidelity)[0]
        if self.architecture == "GFPGAN":
            return self.network(degraded, return_rgb=False, randomize_noise=False)[0]
        return self.network(degraded)[0]


@RESTORERS.register("codeformer")
class CodeFormer(SpandrelModel):
    """CodeFormer, PDGrad's own choice of f; needs the non-commercial spandrel-extra-arches."""

    name = "codeformer"
    weights = "codeformer"
    architectures = ("CodeFormer",)


@RESTORERS.register("gfpgan")
class GFPGAN(SpandrelModel):
    """GFPGAN, the clean version 1 (files 1.2 to 1.4)."""

    name = "gfpgan"
    weights = "gfpgan-1.4"
    architectures = ("GFPGAN",)

    def __init__(self, network: nn.Module, architecture: str = "GFPGAN") -> None:
        super().__init__(network, architecture)


@RESTORERS.register("restoreformer")
class RestoreFormer(SpandrelModel):
    """RestoreFormer."""

    name = "restoreformer"
    weights = "restoreformer"
    architectures = ("RestoreFormer",)

    def __init__(self, network: nn.Module, architecture: str = "RestoreFormer") -> None:
        super().__init__(network, architecture)


def _recognise(checkpoint: Checkpoint) -> tuple[str, nn.Module]:
    """Return the architecture's name and the loaded network."""
    spandrel = require("spandrel", "spandrel", "Loading a face restorer")
    # A copy: the host's registry is not ours to extend.
    registry = spandrel.MAIN_REGISTRY.copy()
    if all(key in checkpoint.tensors for key in _CODEFORMER_KEYS):
        registry.add(_codeformer_support(), ignore_duplicates=True)
    found = [
        support.architecture
        for support in registry.architectures("detection")
        if support.detect(checkpoint.tensors)
    ]
    if not found:
        raise WrongArchitectureError(
            f"{checkpoint.name} is no face restorer that is known here "
            f"({', '.join(SpandrelModel.architectures)}); choose another file."
        )
    architecture = str(found[0].id)
    if architecture not in SpandrelModel.architectures:
        # Not loaded, only named: the caller refuses it.
        return architecture, nn.Identity()
    try:
        return architecture, found[0].load(dict(checkpoint.tensors)).model
    except (RuntimeError, KeyError, IndexError, ValueError, AssertionError) as error:
        reason = str(error).strip().splitlines()
        raise WrongArchitectureError(
            f"{checkpoint.name} looks like {architecture}, but its tensors do not fit that "
            f"network ({' '.join(line.strip() for line in reason[:2])[:200]}); fetch it again."
        ) from error


def _codeformer_support() -> Any:
    extra = require(
        "spandrel_extra_arches",
        "spandrel-extra-arches  (S-Lab licence: non-commercial use only)",
        "CodeFormer",
    )
    return extra.EXTRA_REGISTRY["CodeFormer"]

"""ArcFace: the identity features u_1..u_4, from whole aligned faces of any size.

Source: PDGrad's "conv1_1, conv2_2, conv3_2" and the final embedding, read as ResNet's own names;
the resize is PGDiff's (bilinear, antialiased, to the network's input size).
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints import Checkpoint, build_strict, load_checkpoint, load_strict, warn_if_test
from ..dependencies import require_alone
from ..errors import WrongArchitectureError
from ..images import resize
from ..registry import unknown_name
from ..true_float32 import true_float32
from .base import FEATURES, FeatureNetwork, Features, Precision, Pullback, required
from .iresnet import EMBEDDING, STEM, IResNet, config_from_state_dict
from .iresnet_folded import FoldedIResNet

# The square of the aligned FFHQ-512 template that ArcFace's own 112 template covers, in 512ths:
# both are fixed, upright, and their eyes and mouth corners agree to within a pixel of 112.
_TEMPLATE_BOX = (56, 456)


@FEATURES.register("arcface")
class ArcFace(FeatureNetwork):
    """An identity network behind the resize to its input size.

    Attributes:
        low_taps: u_1, u_2, u_3.
        embedding_tap: u_4.
        template_crop: Whether the aligned face is cropped to ArcFace's own template before the
            resize
            (PGDiff, and so the default here, resizes the whole aligned face).
    """

    name = "arcface"
    weights = ("arcface-iresnet50", "arcface-ir-se50")
    low_taps: tuple[str, str, str]
    embedding_tap = EMBEDDING
    image_size = 112
    template_crop = False

    @classmethod
    def load(cls, path: Path | str | None = None, device: torch.device | str = "cpu") -> "ArcFace":
        """See `load_arcface`."""
        return load_arcface(required(path, "ArcFace"), device)

    @property
    @abstractmethod
    def taps(self) -> Sequence[str]:
        """Names of all taps."""

    @abstractmethod
    def network_features(self, face: Tensor, taps: Sequence[str]) -> Features:
        """Return features of `(B, 3, S, S)`, the network's own input."""

    def check_taps(self, taps: Sequence[str]) -> None:
        """See `FeatureNetwork`."""
        for tap in taps:
            if tap not in self.taps:
                raise unknown_name("ArcFace tap", tap, list(self.taps))

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """See `FeatureNetwork`."""
        self.check_taps(taps)
        return self.network_features(self._shrink(image), taps)

    @true_float32()
    def embed(self, image: Tensor) -> Tensor:
        """Return embeddings `(B, D)` of faces `(B, 3, H, W)` in [-1, 1], without gradients."""
        with torch.no_grad():
            return self.features(image, [self.embedding_tap])[self.embedding_tap]

    def _shrink(self, image: Tensor) -> Tensor:
        rows, columns = self._box(image)
        return resize(image[..., rows, columns], self.image_size, self.image_size)

    def _box(self, image: Tensor) -> tuple[slice, slice]:
        """Return the rows and columns of the face that the network sees."""
        height, width = image.shape[-2:]
        if not self.template_crop:
            return slice(0, height), slice(0, width)
        low, high = _TEMPLATE_BOX
        return (
            slice(round(low / 512 * height), round(high / 512 * height)),
            slice(round(low / 512 * width), round(high / 512 * width)),
        )


class IResNetArcFace(ArcFace):
    """insightface's IResNet behind the resize, both adjoints written out.

    Args:
        network: The backbone; any IResNet, iresnet50 in PDGrad and PGDiff.
    """

    def __init__(self, network: IResNet) -> None:
        self.network = network.eval().requires_grad_(False)
        self.image_size = network.config.image_size
        # Where a stage is shorter than iresnet50's, its last block stands in.
        first, second = (min(1, count - 1) for count in network.config.layers[:2])
        self.low_taps = (STEM, f"layer1.{first}", f"layer2.{second}")
        self._folded: dict[Precision, FoldedIResNet] = {}

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.network

    @property
    def taps(self) -> Sequence[str]:
        """Names of all taps."""
        return self.network.taps

    def to(self, device: torch.device | str) -> "IResNetArcFace":
        """Move the network; returns self."""
        self.network.to(device)
        self._folded.clear()
        return self

    def network_features(self, face: Tensor, taps: Sequence[str]) -> Features:
        """See `ArcFace`."""
        return self.network(face, taps)

    @torch.no_grad()
    def vjp(self, image: Tensor, taps: Sequence[str]) -> tuple[Features, Pullback]:
        """See `FeatureNetwork`; here without autograd."""
        self.check_taps(taps)
        if self.precision not in self._folded:
            self._folded[self.precision] = FoldedIResNet(self.network, self.precision)
        found, pullback = self._folded[self.precision].vjp(self._shrink(image), taps)

        def to_image(cotangents: Sequence[Features]) -> Tensor:
            return self._shrink_adjoint(pullback(cotangents), image)

        return found, to_image

    def _shrink_adjoint(self, g: Tensor, image: Tensor) -> Tensor:
        rows, columns = self._box(image)
        down, across = (
            resize_matrix(part.stop - part.start, self.image_size, g.device, g.dtype)
            for part in (rows, columns)
        )
        inner = down.mT @ g @ across
        if not self.template_crop:
            return inner
        whole = inner.new_zeros(*inner.shape[:-2], *image.shape[-2:])
        whole[..., rows, columns] = inner
        return whole


class IRSE50ArcFace(ArcFace):
    """facexlib's ir_se50, differentiated by autograd.

    Args:
        network: facexlib's `Backbone(50, 0.6, "ir_se")`; it normalises its embedding.
    """

    low_taps = ("input_layer", "body.1", "body.4")

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.network

    @property
    def taps(self) -> Sequence[str]:
        """Names of all taps."""
        body: Any = self.network.get_submodule("body")
        return ["input_layer", *(f"body.{index}" for index in range(len(body))), EMBEDDING]

    def to(self, device: torch.device | str) -> "IRSE50ArcFace":
        """Move the network; returns self."""
        self.network.to(device)
        return self

    def network_features(self, face: Tensor, taps: Sequence[str]) -> Features:
        """See `ArcFace`."""
        network: Any = self.network
        h = network.input_layer(face)
        found: Features = {"input_layer": h}
        for index, block in enumerate(network.body):
            h = block(h)
            found[f"body.{index}"] = h
        if EMBEDDING in taps:
            embedding = network.output_layer(h)
            found[EMBEDDING] = embedding / embedding.norm(dim=1, keepdim=True)
        return {tap: found[tap] for tap in taps}


@lru_cache(maxsize=16)
def resize_matrix(
    size: int, new_size: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return the antialiased bilinear resize along one side as a matrix `(new_size, size)`.

    The resize is linear and separable: out = D image D'. Its transpose is the adjoint.
    """
    with torch.inference_mode(False), torch.no_grad():
        basis = torch.eye(size, dtype=dtype)[None, None]
        return resize(basis, new_size, size)[0, 0].to(device)


def load_arcface(path: Path | str, device: torch.device | str = "cpu") -> ArcFace:
    """Load an identity network: insightface's IResNet (any size) or facexlib's ir_se50.

    Args:
        path: `ms1mv3_arcface_r50_fp16.pth`, `recognition_arcface_ir_se50.pth`, or a file with the
            keys
            of one of the two.
        device: Where the network is put.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    checkpoint = load_checkpoint(path)
    if "input_layer.0.weight" in checkpoint.tensors:
        return IRSE50ArcFace(_load_ir_se50(checkpoint)).to(device)
    if "layer1.0.conv2.weight" not in checkpoint.tensors:
        raise WrongArchitectureError(
            f"{checkpoint.name} is no ArcFace network: it has the keys of neither insightface's "
            "IResNet (ms1mv3_arcface_r50_fp16.pth) nor facexlib's ir_se50 "
            "(recognition_arcface_ir_se50.pth)."
        )
    network = build_strict(
        lambda: IResNet(config_from_state_dict(checkpoint.tensors)), checkpoint, "this IResNet"
    )
    warn_if_test(checkpoint)
    return IResNetArcFace(network).to(device)


def _load_ir_se50(checkpoint: Checkpoint) -> nn.Module:
    arch: Any = require_alone(
        "facexlib.recognition.arcface_arch", "facexlib", "facexlib's ir_se50 identity network"
    )
    network: nn.Module = arch.Backbone(50, 0.6, "ir_se")
    load_strict(network, checkpoint, "facexlib's ir_se50")
    warn_if_test(checkpoint)
    return network

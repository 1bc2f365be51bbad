"""VGG16 with LPIPS's linear heads: features v_1..v_5 of the low-level losses.

Source: Simonyan & Zisserman 2015; heads and input scaling of Zhang et al. 2018 (LPIPS). The trunk
carries torchvision's key names; any widths are read off the state dict, so a small trunk of the
same block structure loads alike.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import Checkpoint, build_strict, load_checkpoint, warn_if_test
from ..devices import at_least_float32, constant
from ..errors import WrongArchitectureError
from ..registry import unknown_name
from .base import FEATURES, FeatureNetwork, Features, Pullback, required
from .cotangents import CotangentStack

CONVS_PER_BLOCK = (2, 2, 3, 3, 3)

# ImageNet's mean and deviation, for images in [-1, 1] (LPIPS's scaling layer).
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)

HEAD_TAPS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
"""The taps on which LPIPS learned its five heads."""

LOW_TAPS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_2")
"""The taps v_1..v_5 of PDGrad's low-level losses."""


def _layout() -> list[tuple[str, int]]:
    """Return (tap name, torchvision index) of the thirteen convolutions, in order."""
    found: list[tuple[str, int]] = []
    index = 0
    for block, count in enumerate(CONVS_PER_BLOCK, start=1):
        for conv in range(1, count + 1):
            found.append((f"conv{block}_{conv}", index))
            index += 2
        index += 1
    return found


TAPS = tuple(name for name, _ in _layout())


class VGG16(nn.Module):
    """The convolutional trunk, with torchvision's key names `features.N.weight`.

    Args:
        widths: Channels of the five blocks.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, count in zip(widths, CONVS_PER_BLOCK, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)

    def forward(self, image: Tensor, taps: Sequence[str] = HEAD_TAPS) -> Features:
        """Return the features after ReLU at `taps`.

        Args:
            image: `(B, 3, H, W)` in [-1, 1].
            taps: Names such as "conv1_2".
        """
        h = normalise(image)
        wanted = {index + 1: name for name, index in _layout() if name in taps}
        found: Features = {}
        for index in range(max(wanted) + 1):
            h = self.features[index](h)
            if index in wanted:
                found[wanted[index]] = h
        return found


def normalise(image: Tensor) -> Tensor:
    """Return an image in [-1, 1] scaled to ImageNet's statistics."""
    shift, scale = (constant(values, image).view(1, 3, 1, 1) for values in (_SHIFT, _SCALE))
    return (image - shift) / scale


def widths_from_state_dict(state: Mapping[str, Tensor]) -> list[int]:
    """Read the five blocks' widths off torchvision's keys.

    Raises:
        WrongArchitectureError: This is no VGG16.
    """
    firsts = [index for name, index in _layout() if name.endswith("_1")]
    try:
        return [state[f"features.{index}.weight"].shape[0] for index in firsts]
    except KeyError as error:
        raise WrongArchitectureError(
            f"This file is no VGG16: it lacks the tensor {error}. Choose torchvision's "
            "vgg16-397923af.pth."
        ) from error


@FEATURES.register("vgg")
class PerceptualNetwork(FeatureNetwork):
    """VGG16 with its LPIPS heads, its adjoint written out.

    The network is a chain of convolution, ReLU and pooling; its adjoint applies the transposed
    convolutions to the cotangents, masked where the forward was cut. It needs no autograd, stacks
    the groups' cotangents in the batch, and may compute in 16 bit while the forward stays exact.

    Args:
        trunk: The VGG16.
        heads: Non-negative weight per channel, one `(C,)` for each of `HEAD_TAPS`.
    """

    name = "vgg"
    weights = ("vgg16",)

    def __init__(self, trunk: VGG16, heads: Sequence[Tensor]) -> None:
        self.trunk = trunk.eval().requires_grad_(False)
        self.heads = {tap: head.float() for tap, head in zip(HEAD_TAPS, heads, strict=True)}
        self._prepared: dict[tuple[str, torch.dtype], list[Tensor]] = {}

    @classmethod
    def load(
        cls, path: Path | str | None = None, device: torch.device | str = "cpu"
    ) -> "PerceptualNetwork":
        """See `load_perceptual`."""
        return load_perceptual(required(path, "VGG16"), device=device)

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.trunk

    def head(self, tap: str) -> Tensor:
        """Return w_l^2 `(C,)` of a tap.

        Deviations: LPIPS learned its last head on conv5_3; at conv5_2 (the paper's tap), whose
        channels are others, its mean is used. A tap without a head of its own takes its block's the
        same way.
        """
        self.check_taps([tap])
        if tap in self.heads:
            return self.heads[tap]
        block = next(name for name in HEAD_TAPS if name[:5] == tap[:5])
        head = self.heads[block]
        return head.mean().expand_as(head)

    def check_taps(self, taps: Sequence[str]) -> None:
        """See `FeatureNetwork`."""
        for tap in taps:
            if tap not in TAPS:
                raise unknown_name("VGG16 tap", tap, list(TAPS))

    def to(self, device: torch.device | str) -> "PerceptualNetwork":
        """Move the network; returns self."""
        self.trunk.to(device)
        self.heads = {tap: head.to(device) for tap, head in self.heads.items()}
        self._prepared.clear()
        return self

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """See `FeatureNetwork`."""
        self.check_taps(taps)
        return self.trunk(image, taps)

    @torch.no_grad()
    def vjp(self, image: Tensor, taps: Sequence[str]) -> tuple[Features, Pullback]:
        """See `FeatureNetwork`; here without autograd."""
        self.check_taps(taps)
        forward, backward = self.precision.forward, self.precision.backward
        weights = self._weights("split" if self.precision.split else "forward", forward)
        biases = self._weights("bias", forward)
        h = normalise(image).to(forward, memory_format=torch.channels_last)
        found: Features = {}
        activations: list[Tensor] = []
        winners: dict[int, Tensor] = {}
        for index in range(max(TAPS.index(tap) for tap in taps) + 1):
            if _starts_block(index):
                h, winners[index] = F.max_pool2d(h, 2, return_indices=True)
            conv = self.precision.convolution if index > 0 else F.conv2d
            h = conv(h, weights[index], biases[index], padding=1).relu_()
            activations.append(h.to(backward))
            if TAPS[index] in taps:
                found[TAPS[index]] = at_least_float32(h)
        return found, lambda cotangents: self._pull_back(cotangents, activations, winners)

    def _pull_back(
        self,
        cotangents: Sequence[Features],
        activations: list[Tensor],
        winners: dict[int, Tensor],
    ) -> Tensor:
        """Apply the adjoint of the chain to the stacked cotangents."""
        dtype = self.precision.backward
        weights = self._weights("adjoint", dtype)
        stack = CotangentStack(cotangents, dtype)
        for index in reversed(range(len(activations))):
            stack.enter(TAPS[index])
            stack.cut_where_not_positive(activations[index])
            stack.apply(lambda g, w=weights[index]: F.conv2d(g, w, padding=1))
            if index in winners:
                stack.unpool(winners[index], activations[index - 1], at_once=self.unpools_at_once)
        result = stack.result()
        return result / constant(_SCALE, result).view(1, 1, 3, 1, 1)

    def _weights(self, role: str, dtype: torch.dtype) -> list[Tensor]:
        """Return the convolutions' weights, their biases, or the adjoint's weights."""
        key = (role, dtype)
        if key not in self._prepared:
            convs = [cast(nn.Conv2d, self.trunk.features[index]) for _, index in _layout()]
            with torch.inference_mode(False):
                if role == "bias":
                    made = [cast(Tensor, conv.bias).to(dtype).clone() for conv in convs]
                elif role == "forward":
                    made = [_channels_last(conv.weight.to(dtype)) for conv in convs]
                elif role == "split":  # the first sums 27 products, which is not worth splitting
                    from ..split_tf32 import split_weight

                    first, *rest = self._weights("forward", dtype)
                    made = [first, *map(split_weight, rest)]
                else:
                    # The adjoint of a stride-1 convolution is a convolution with the kernel turned
                    # by 180 degrees and its channels exchanged.
                    made = [
                        _channels_last(conv.weight.to(dtype).transpose(0, 1).flip(2, 3))
                        for conv in convs
                    ]
            self._prepared[key] = made
        return self._prepared[key]


def _channels_last(weight: Tensor) -> Tensor:
    return weight.clone(memory_format=torch.channels_last)


def _starts_block(index: int) -> bool:
    return index > 0 and TAPS[index].endswith("_1")


def load_perceptual(
    path: Path | str, heads: Path | str | None = None, device: torch.device | str = "cpu"
) -> PerceptualNetwork:
    """Load the trunk from a torchvision checkpoint, and LPIPS's heads.

    Args:
        path: `vgg16-397923af.pth`, or any file with its keys; a classifier in it is ignored.
        heads: File with LPIPS's keys `linN.model.1.weight`; by default the trunk's own file where
            it has them, else the one inside the `lpips` package.
        device: Where the network is put.

    Raises:
        CheckpointError: A file is missing, damaged, or of another network.
    """
    from ..weights.lpips_heads import lpips_heads

    checkpoint = load_checkpoint(path)
    tensors = {k: v for k, v in checkpoint.tensors.items() if re.match(r"features\.\d+\.", k)}
    own = Checkpoint(tensors, checkpoint.metadata, checkpoint.path)
    trunk = build_strict(lambda: VGG16(widths_from_state_dict(tensors)), own, "VGG16")
    widths = widths_from_state_dict(tensors)
    warn_if_test(checkpoint)
    return PerceptualNetwork(trunk, lpips_heads(checkpoint, heads, widths)).to(device)

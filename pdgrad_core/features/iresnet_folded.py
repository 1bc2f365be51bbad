"""The frozen IResNet of the guidance: batch norms folded, its adjoint written out.

Source: the chain rule on `iresnet.IResNet` in evaluation mode. The forward keeps the signs that
PReLU saw; the adjoint applies the transposed convolutions to the cotangents of all groups at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..devices import at_least_float32
from .base import Features, Precision, Pullback
from .cotangents import CotangentStack
from .iresnet import EMBEDDING, STEM, Block, IResNet


def _affine(bn: nn.BatchNorm2d | nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return (scale, shift) of a batch norm in evaluation mode, in float64."""
    mean, variance = cast(Tensor, bn.running_mean).double(), cast(Tensor, bn.running_var).double()
    scale = bn.weight.double() / (variance + bn.eps).sqrt()
    return scale, bn.bias.double() - mean * scale


def _folded(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that does both, in float64."""
    scale, shift = _affine(bn)
    return conv.weight.double() * scale[:, None, None, None], shift


@dataclass
class _FoldedBlock:
    """One residual block: bn1, conv1 (+bn2), PReLU, conv2 (+bn3), and the shortcut (+bn)."""

    scale: Tensor
    shift: Tensor
    conv1: Tensor
    scaled_conv1: Tensor
    bias1: Tensor
    slope: Tensor
    conv2: Tensor
    bias2: Tensor
    shortcut: Tensor | None
    shortcut_bias: Tensor | None
    stride: int

    def converted(self, dtype: torch.dtype) -> "_FoldedBlock":
        tensors = {
            name: _to(value, dtype)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **tensors)

    def split(self) -> "_FoldedBlock":
        """Return the block with its forward's weights as split TF32 takes them."""
        from ..split_tf32 import split_weight

        parts = {"conv1": self.conv1, "conv2": self.conv2, "shortcut": self.shortcut}
        made = {name: split_weight(weight) for name, weight in parts.items() if weight is not None}
        return replace(self, **made)


def _to(value: Tensor, dtype: torch.dtype) -> Tensor:
    value = value.to(dtype)
    return value.to(memory_format=torch.channels_last) if value.ndim == 4 else value


class FoldedIResNet:
    """The frozen network in evaluation mode: forward with a tape, and the adjoint along it.

    Args:
        network: The network, its batch norms trained.
        precision: Dtypes of the two passes.
    """

    def __init__(self, network: IResNet, precision: Precision) -> None:
        self.taps = network.taps
        self.precision = precision
        with torch.inference_mode(False), torch.no_grad():
            stem, stem_bias = _folded(network.conv1, network.bn1)
            blocks = [_fold_block(block) for block in network.blocks()]
            head_scale, head_shift = _affine(network.bn2)
            out_scale, out_shift = _affine(network.features)
            fc = network.fc.weight.double() * out_scale[:, None]
            bias = network.fc.bias.double() * out_scale + out_shift
            area = fc.shape[1] // len(head_scale)
            bias = bias + fc @ head_shift.repeat_interleave(area)
            fc = fc * head_scale.repeat_interleave(area)
            self.stem = {d: _to(stem, d) for d in {precision.forward, precision.backward}}
            self.stem_bias = stem_bias.to(precision.forward)
            self.stem_slope = network.prelu.weight.detach().to(precision.forward)
            self.blocks = {d: [block.converted(d) for block in blocks] for d in self.stem}
            self.forward_blocks = self.blocks[precision.forward]
            if precision.split:
                self.forward_blocks = [block.split() for block in self.forward_blocks]
            self.fc = {d: fc.to(d) for d in self.stem}
            self.fc_bias = bias.to(precision.forward)

    def vjp(self, image: Tensor, taps: Sequence[str]) -> tuple[Features, Pullback]:
        """Return features at `taps` and the pullback to the `(B, 3, S, S)` image."""
        dtype, backward = self.precision.forward, self.precision.backward
        found: Features = {}
        slopes: list[Tensor] = []
        depth = max(self.taps.index(tap) for tap in taps)
        h = image.to(dtype, memory_format=torch.channels_last)
        h = F.conv2d(h, self.stem[dtype], self.stem_bias, padding=1)
        h, slope = _prelu(h, self.stem_slope)
        slopes.append(slope.to(backward))
        if STEM in taps:
            found[STEM] = at_least_float32(h)
        conv = self.precision.convolution
        for name, block in zip(self.taps[1 : depth + 1], self.forward_blocks, strict=False):
            h, slope = _block_forward(block, h, conv)
            slopes.append(slope.to(backward))
            if name in taps:
                found[name] = at_least_float32(h)
        if EMBEDDING in taps:
            embedding = F.linear(h.flatten(1), self.fc[dtype], self.fc_bias)
            found[EMBEDDING] = at_least_float32(embedding)
        last = h.shape[1:]
        return found, lambda cotangents: self._pull_back(cotangents, slopes, last)

    def _pull_back(
        self, cotangents: Sequence[Features], slopes: list[Tensor], last: torch.Size
    ) -> Tensor:
        dtype = self.precision.backward
        stack = CotangentStack(cotangents, dtype)
        stack.enter(EMBEDDING)
        fc = self.fc[dtype]
        stack.apply(lambda g: torch.unflatten(g @ fc, 1, last))
        for index in reversed(range(1, len(slopes))):
            stack.enter(self.taps[index])
            block, slope = self.blocks[dtype][index - 1], slopes[index]
            stack.apply(lambda g, block=block, slope=slope: _block_backward(block, g, slope))
        stack.enter(STEM)
        stack.apply(lambda g: _scale_groups(g, slopes[0]))
        stack.apply(lambda g: F.conv_transpose2d(g, self.stem[dtype], padding=1))
        return stack.result()


def _fold_block(block: Block) -> _FoldedBlock:
    scale, shift = _affine(block.bn1)
    conv1, bias1 = _folded(block.conv1, block.bn2)
    conv2, bias2 = _folded(block.conv2, block.bn3)
    shortcut = shortcut_bias = None
    if block.downsample is not None:
        conv, bn = block.downsample
        shortcut, shortcut_bias = _folded(cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, bn))
    stride = block.conv2.stride[0]
    slope = block.prelu.weight.double()
    # Towards the image, bn1's scale goes into the convolution too.
    scaled = conv1 * scale[:, None, None]
    return _FoldedBlock(
        scale, shift, conv1, scaled, bias1, slope, conv2, bias2, shortcut, shortcut_bias, stride
    )


def _block_forward(
    block: _FoldedBlock, x: Tensor, conv: Callable[..., Tensor]
) -> tuple[Tensor, Tensor]:
    # bn1 stays apart: its shift is not what the convolution's zero padding sees at the border.
    z = torch.addcmul(block.shift[:, None, None], x, block.scale[:, None, None])
    u, slope = _prelu(conv(z, block.conv1, block.bias1, padding=1), block.slope)
    h = conv(u, block.conv2, block.bias2, stride=block.stride, padding=1)
    if block.shortcut is None:
        return h.add_(x), slope
    return h.add_(conv(x, block.shortcut, block.shortcut_bias, stride=block.stride)), slope


def _block_backward(block: _FoldedBlock, g: Tensor, slope: Tensor) -> Tensor:
    extra = block.stride - 1
    d = F.conv_transpose2d(g, block.conv2, stride=block.stride, padding=1, output_padding=extra)
    d = F.conv_transpose2d(_scale_groups(d, slope), block.scaled_conv1, padding=1)
    if block.shortcut is None:
        return d.add_(g)
    return d.add_(F.conv_transpose2d(g, block.shortcut, stride=block.stride, output_padding=extra))


def _scale_groups(g: Tensor, slope: Tensor) -> Tensor:
    """Multiply every group's part `(B, ...)` of g `(G B, ...)`, in place."""
    g.unflatten(0, (-1, len(slope))).mul_(slope)
    return g


def _prelu(u: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Return PReLU of u `(B, C, H, W)`, which it overwrites, and its slope there."""
    slope = slope[:, None, None]
    # 1 where positive, the channel's slope elsewhere; `torch.where` is many times slower.
    found = torch.addcmul(slope, u.sign().relu_(), 1 - slope)
    return u.mul_(found), found

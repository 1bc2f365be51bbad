"""The memory layout in which networks are trained: the fast one, where it computes rightly."""

import torch
from torch import Tensor, nn

from ..gan.layers import ScaledConv

WIDEST_VECTOR = 16
"""Float32 numbers in the widest vector register of a CPU that oneDNN writes kernels for."""


def to_training_layout(module: nn.Module) -> nn.Module:
    """Lay a module out channels-last, but for the convolutions that oneDNN corrupts memory with.

    In channels-last, the weight gradient of a strided 1x1 convolution writes past its workspace
    where there are fewer input channels than numbers in a vector register, 8 with AVX2 and 16 with
    AVX-512 (github.com/uxlfoundation/oneDNN/issues/6035). What lies behind it is then overwritten:
    two equal runs differ, and a run may crash or never return. Contiguous, the same convolution
    is computed by another path, which is right. So those few convolutions get contiguous inputs
    and weights, on every processor alike; the others, and all of the presets', stay as they are.

    Args:
        module: On its device; convolutions are found where they are `nn.Conv2d` or `ScaledConv`.

    Returns:
        The same module.
    """
    for value in (*module.parameters(), *module.buffers()):
        if value.ndim == 4:  # a modulated convolution's weight has five, which Module.to refuses
            value.data = value.data.contiguous(memory_format=torch.channels_last)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | ScaledConv) and _corrupts(layer):
            layer.weight.data = layer.weight.data.clone(memory_format=torch.contiguous_format)
            layer.register_forward_pre_hook(_contiguous_input)
    return module


def _corrupts(layer: nn.Conv2d | ScaledConv) -> bool:
    _, inputs, height, width = layer.weight.shape  # inputs of one group
    strides = layer.stride if isinstance(layer.stride, tuple) else (layer.stride,)
    return max(height, width) == 1 and max(strides) > 1 and inputs < WIDEST_VECTOR


def _contiguous_input(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG001
    # Not .contiguous(): it keeps a 1x1 picture's strides, which torch reads as channels-last.
    first = inputs[0].clone(memory_format=torch.contiguous_format)
    return (first, *inputs[1:])

"""Float32 convolutions on TF32 units: every operand as a TF32 head and what is left of it.

TF32 keeps ten bits of a mantissa; a float32 is h + l with h of ten bits and l the remainder, of
which ten bits are kept too: x w = h_x h_w + h_x l_w + l_x h_w, but for 2^-22 of it. The three are
one convolution over three times the channels, [h_x, h_x, l_x] with [h_w, l_w, h_w], so that the
sums happen inside, in float32. Three convolutions and two additions would move half as much memory
again: with as many channels out as in, 19 tensors of the input's size read or written (7 to split,
6 to convolve, 6 to add) against 13 (9 to split, 4 to convolve), and two launches less each.

Off by default: not measured on a GPU. Elsewhere than on its TF32 units it is three times the work.
"""

import torch
from torch import Tensor

_HALF = 1 << 12
_HEAD = ~((1 << 13) - 1)
"""Of a float32's 23 bits of mantissa the last 13 go, and half of the last kept is added before."""


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0
) -> Tensor:
    """Return the convolution of float32 x `(B, C, H, W)`, by TF32 units where a GPU has them.

    TF32 is allowed for this call alone: the operation's own argument says so, and the settings of
    the process, which forbid it while our networks run, are not asked.

    Args:
        x: What is convolved.
        weight: Of `split_weight`, `(K, 3 C, h, w)`.
        bias: `(K,)`.
        stride: Of both axes.
        padding: Zeros on every side.
    """
    cudnn = torch.backends.cudnn
    return torch.ops.aten._convolution.default(
        *(split(x), weight, bias, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1),
        *(cudnn.benchmark, cudnn.deterministic, cudnn.enabled, True),
    )


def split(x: Tensor) -> Tensor:
    """Return heads, heads again, and remainders `(B, 3 C, H, W)` of x, channels-last."""
    batch, channels, *sides = x.shape
    shape = (batch, 3 * channels, *sides)
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    head, again, rest = out.chunk(3, dim=1)
    torch.bitwise_and(x.view(torch.int32) + _HALF, _HEAD, out=head.view(torch.int32))
    again.copy_(head)
    torch.sub(x, head, out=rest)
    return out


def split_weight(weight: Tensor) -> Tensor:
    """Return a float32 weight `(K, C, h, w)` as what meets `split`, `(K, 3 C, h, w)`."""
    head = rounded(weight)
    joined = torch.cat([head, weight - head, head], dim=1)
    return joined.contiguous(memory_format=torch.channels_last)


def rounded(x: Tensor) -> Tensor:
    """Return float32 numbers rounded to TF32's, the nearest (from the middle away from zero)."""
    return ((x.view(torch.int32) + _HALF) & _HEAD).view(torch.float32)

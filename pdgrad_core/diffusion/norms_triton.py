"""Group norm, scale-shift and SiLU in Triton: read once for the statistics, once to apply them.

PyTorch's group norm of channels-last maps in 16 bit took a third of the U-Net's time on the one GPU
it was measured on, and its SiLU and scale-shift are passes of their own. Here a map is 16 bit in
and out, and all in between float32. Importing this needs Triton.
"""

# What kernels are given are Triton's pointers and numbers, which have no types of their own.
# ruff: noqa: ANN001, ANN202
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportOperatorIssue=false

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_TILE = 4096
"""Numbers that a program holds at a time."""

_CHUNKS = 512
"""Programs that share an image's statistics at most: enough to keep a large GPU's memory busy."""

_SMALL_GROUP = 8192
"""Numbers of a group that one program keeps between its statistics and its result."""


_PLAIN = ("pixels", "width", "tiles", "chunks", "pixels_each")
"""Numbers for which no kernel is compiled anew; only channels decide how memory is read."""


def group_norm_silu(
    x: Tensor,
    groups: int,
    weight: Tensor,
    bias: Tensor,
    eps: float,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    activate: bool = True,
) -> Tensor:
    """Return SiLU(norm(x) * (1 + scale) + shift) in x's dtype, channels-last.

    Nothing waits for the device, and the launches depend on the shape alone, so it can be recorded.

    Args:
        x: `(B, C, H, W)`, float16, bfloat16 or float32; copied where it is not channels-last.
        groups: Number of groups, a divisor of C.
        weight: `(C,)`, any of these dtypes, as what follows.
        bias: `(C,)`.
        eps: Added to the variance.
        scale: `(B, C, 1, 1)`, or None for a norm without scale and shift.
        shift: As scale.
        activate: Whether SiLU follows.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    batch, channels, *sides = x.shape
    # Without scale and shift the two are not looked at; a kernel wants tensors all the same.
    condition, scaled = (weight, bias), False
    if scale is not None and shift is not None:
        condition = tuple(one.expand(batch, channels, 1, 1) for one in (scale, shift))
        scaled = True
    strides = [step for one in condition for step in one.stride()[:2]] if scaled else [0] * 4
    pixels, width = sides[0] * sides[1], channels // groups
    line = (weight, bias, *condition, *strides, pixels, channels, width, eps)
    with torch.cuda.device_of(x):
        rows, columns = triton.next_power_of_2(pixels), triton.next_power_of_2(width)
        if rows * columns > _SMALL_GROUP:
            return _in_chunks(x, line, scaled=scaled, activate=activate)
        out = torch.empty_like(x)
        _whole_group[(groups, batch)](
            x, out, *line,
            SCALED=scaled, ACTIVATE=activate, ROWS=rows, COLUMNS=columns, num_warps=8,
        )  # fmt: skip
        return out


def _in_chunks(x: Tensor, line: tuple[Any, ...], *, scaled: bool, activate: bool) -> Tensor:
    """Return the result for large groups: many programs share one's statistics."""
    pixels, channels, width = line[-4:-1]
    batch = len(x)
    columns = triton.next_power_of_2(channels)
    rows = max(1, _TILE // columns)
    tiles = triton.cdiv(pixels, rows)
    each = triton.cdiv(tiles, _CHUNKS)
    chunks = triton.cdiv(tiles, each)
    moments = x.new_empty(2, batch, chunks, channels, dtype=torch.float32)
    factors = x.new_empty(2, batch, channels, dtype=torch.float32)
    out = torch.empty_like(x)
    _moments[(chunks, batch)](
        x, moments, pixels, channels, each, ROWS=rows, COLUMNS=columns, num_warps=4
    )
    _factors[(channels // width, batch)](
        moments, factors, *line, chunks, each * rows, SCALED=scaled,
        ROWS=triton.next_power_of_2(chunks), COLUMNS=triton.next_power_of_2(width), num_warps=8,
    )  # fmt: skip
    _apply[(tiles, batch)](
        x, out, factors, pixels, channels,
        ACTIVATE=activate, ROWS=rows, COLUMNS=columns, num_warps=4,
    )  # fmt: skip
    return out


@triton.jit(do_not_specialize=_PLAIN)
def _moments(x, moments, pixels, channels, tiles, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Write mean and sum of squared deviations of every channel over a chunk of `tiles` tiles.

    Every place of the tile follows its own mean (Welford), then the places are joined (Chan).
    """
    chunk = tl.program_id(0)
    image = tl.program_id(1).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    known = column < channels
    mean = tl.zeros((ROWS, COLUMNS), tl.float32)
    squares = tl.zeros((ROWS, COLUMNS), tl.float32)
    count = tl.zeros((ROWS,), tl.float32)
    for tile in range(tiles):
        row = (chunk * tiles + tile) * ROWS + tl.arange(0, ROWS)
        there = row < pixels
        at = x + image * pixels * channels + row[:, None] * channels + column[None, :]
        value = tl.load(at, mask=there[:, None] & known[None, :], other=0.0).to(tl.float32)
        apart = tl.where(there[:, None], value - mean, 0.0)
        mean += apart * (1.0 / (tile + 1.0))
        squares += apart * (value - mean)
        count += there.to(tl.float32)
    whole = tl.sum(count, 0)
    average = tl.sum(mean * count[:, None], 0) / whole
    apart = mean - average[None, :]
    squares += apart * apart * count[:, None]
    to = (image * tl.num_programs(0) + chunk) * channels + column
    beyond = tl.num_programs(1).to(tl.int64) * tl.num_programs(0) * channels
    tl.store(moments + to, average, mask=known)
    tl.store(moments + beyond + to, tl.sum(squares, 0), mask=known)


@triton.jit
def _line(
    mean, rstd, image, channel, known, weight, bias, scale, shift,
    scale_image, scale_channel, shift_image, shift_channel, SCALED: tl.constexpr,
):  # fmt: skip
    """Return a and d of every channel, so that norm, scale and shift together are a x + d."""
    a = tl.load(weight + channel, mask=known, other=0.0).to(tl.float32) * rstd
    d = tl.load(bias + channel, mask=known, other=0.0).to(tl.float32) - mean * a
    if SCALED:
        at = scale + image * scale_image + channel * scale_channel
        factor = 1.0 + tl.load(at, mask=known, other=0.0).to(tl.float32)
        at = shift + image * shift_image + channel * shift_channel
        a *= factor
        d = d * factor + tl.load(at, mask=known, other=0.0).to(tl.float32)
    return a, d


@triton.jit(do_not_specialize=_PLAIN)
def _factors(
    moments, factors, weight, bias, scale, shift,
    scale_image, scale_channel, shift_image, shift_channel,
    pixels, channels, width, eps, chunks, pixels_each,
    SCALED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Join a group's chunks and channels (Chan), and write a and d of its channels."""
    group = tl.program_id(0)
    image = tl.program_id(1).to(tl.int64)
    images = tl.num_programs(1).to(tl.int64)
    row = tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    known = column < width
    channel = group * width + column
    # The last chunk has fewer pixels, those past it none.
    count = tl.minimum(tl.maximum(pixels - row * pixels_each, 0), pixels_each).to(tl.float32)
    at = moments + (image * chunks + row[:, None]) * channels + channel[None, :]
    there = (row < chunks)[:, None] & known[None, :]
    means = tl.load(at, mask=there, other=0.0)
    squares = tl.load(at + images * chunks * channels, mask=there, other=0.0)
    mean = tl.sum(tl.sum(means * (count / pixels)[:, None], 0), 0) / width
    apart = tl.where(there, means - mean, 0.0)
    squares += apart * apart * count[:, None]
    variance = tl.sum(tl.sum(squares, 0), 0) / pixels / width
    a, d = _line(
        mean, 1.0 / tl.sqrt(variance + eps), image, channel, known, weight, bias, scale, shift,
        scale_image, scale_channel, shift_image, shift_channel, SCALED,
    )  # fmt: skip
    tl.store(factors + image * channels + channel, a, mask=known)
    tl.store(factors + (images + image) * channels + channel, d, mask=known)


@triton.jit(do_not_specialize=_PLAIN)
def _apply(
    x, out, factors, pixels, channels,
    ACTIVATE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Write a x + d, or SiLU of it, for one tile."""
    image = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    known = column < channels
    a = tl.load(factors + image * channels + column, mask=known, other=0.0)
    beyond = tl.num_programs(1).to(tl.int64) * channels
    d = tl.load(factors + beyond + image * channels + column, mask=known, other=0.0)
    at = image * pixels * channels + row[:, None] * channels + column[None, :]
    there = (row < pixels)[:, None] & known[None, :]
    y = tl.load(x + at, mask=there, other=0.0).to(tl.float32) * a[None, :] + d[None, :]
    if ACTIVATE:
        y *= tl.sigmoid(y)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=_PLAIN)
def _whole_group(
    x, out, weight, bias, scale, shift,
    scale_image, scale_channel, shift_image, shift_channel,
    pixels, channels, width, eps,
    SCALED: tl.constexpr, ACTIVATE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Do all of a small group at once: it is read a single time."""
    group = tl.program_id(0)
    image = tl.program_id(1).to(tl.int64)
    row = tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    known = column < width
    channel = group * width + column
    there = (row < pixels)[:, None] & known[None, :]
    at = image * pixels * channels + row[:, None] * channels + channel[None, :]
    value = tl.load(x + at, mask=there, other=0.0).to(tl.float32)
    mean = tl.sum(tl.sum(value, 0), 0) / pixels / width
    apart = tl.where(there, value - mean, 0.0)
    variance = tl.sum(tl.sum(apart * apart, 0), 0) / pixels / width
    a, d = _line(
        mean, 1.0 / tl.sqrt(variance + eps), image, channel, known, weight, bias, scale, shift,
        scale_image, scale_channel, shift_image, shift_channel, SCALED,
    )  # fmt: skip
    y = value * a[None, :] + d[None, :]
    if ACTIVATE:
        y *= tl.sigmoid(y)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=there)

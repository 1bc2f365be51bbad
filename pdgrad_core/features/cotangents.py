"""Cotangents of several groups on their way down a chain, stacked in the batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..devices import at_least_float32
from .base import Features


class CotangentStack:
    """What a written-out adjoint carries from layer to layer.

    Groups whose first tap lies deeper travel further; a group joins the stack at its deepest tap,
    so that a layer is applied to no more groups than have passed it. The stack's memory is its own:
    a layer may write into it.

    In float16, whose range is short, every image of every group travels divided by a power of two
    that brings its largest cotangent to 1..2: the adjoint is linear, so nothing else changes.

    Args:
        groups: The cotangents of each group by tap name.
        dtype: In what they travel.
    """

    def __init__(self, groups: Sequence[Features], dtype: torch.dtype) -> None:
        self.batch = next(iter(groups[0].values())).shape[0]
        self.dtype = dtype
        self.scales = [_scale(group) if dtype == torch.float16 else None for group in groups]
        self.groups = groups
        self.order: list[int] = []
        self.value: Tensor | None = None

    def enter(self, tap: str) -> None:
        """Add every group's cotangent at `tap` to what is on its way."""
        joining: list[Tensor] = []
        for index, group in enumerate(self.groups):
            if tap not in group:
                continue
            cotangent = self._prepared(index, tap)
            if index in self.order:
                assert self.value is not None
                self.value.split(self.batch)[self.order.index(index)].add_(cotangent)
            else:
                joining.append(cotangent)
                self.order.append(index)
        if joining:
            held = [] if self.value is None else [self.value]
            self.value = torch.cat([*held, *joining])

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Take what is on its way one layer down."""
        if self.value is not None:
            self.value = function(self.value)

    def cut_where_not_positive(self, activation: Tensor) -> None:
        """Apply ReLU's adjoint, given its output `(B, ...)` in the stack's dtype."""
        if self.value is None:
            return
        g = self._by_group()
        # In place and in one dtype: a pass that mixes dtypes, or takes a bool mask, costs ten.
        torch.ops.aten.threshold_backward.grad_input(g, activation, 0, grad_input=g)

    def unpool(self, winners: Tensor, before: Tensor, *, at_once: bool = False) -> None:
        """Apply 2x2 max pooling's adjoint.

        Args:
            winners: Indices that the pooling returned, `(B, C, H/2, W/2)`.
            before: What was pooled, `(B, C, H, W)` in the stack's dtype.
            at_once: Whether one kernel takes all groups, which saves launches where they count.
        """
        if self.value is None:
            return
        if at_once:
            self.value = self._scattered(winners, before)
            return
        shape = (len(self.value), *before.shape[1:])
        out = torch.empty(
            shape, dtype=self.dtype, device=before.device, memory_format=torch.channels_last
        )
        adjoint = torch.ops.aten.max_pool2d_with_indices_backward.grad_input
        for g, to in zip(self.value.split(self.batch), out.split(self.batch), strict=True):
            adjoint(g, before, [2, 2], [2, 2], [0, 0], [1, 1], False, winners, grad_input=to)
        self.value = out

    def _scattered(self, winners: Tensor, before: Tensor) -> Tensor:
        """Return zeros with every cotangent put where its pixel won; the groups share an index."""
        assert self.value is not None
        rows, index = (one.permute(0, 2, 3, 1).flatten(1, 2) for one in (self.value, winners))
        rows = rows.unflatten(0, (len(self.order), self.batch))
        channels, height, width = before.shape[1:]
        out = rows.new_zeros(len(self.order), self.batch, height * width, channels)
        out.scatter_(2, index.expand_as(rows), rows)  # windows do not overlap: no two meet
        return out.view(-1, height, width, channels).permute(0, 3, 1, 2)

    def result(self) -> Tensor:
        """Return the gradients in the groups' own order, `(G, B, 3, H, W)` float32 (or 64)."""
        assert len(self.order) == len(self.groups)
        stacked = at_least_float32(self._by_group())
        places = [self.order.index(index) for index in range(len(self.groups))]
        if self.dtype != torch.float16:
            # Not by a list of indices, which would be copied to the device at every step.
            in_order = places == sorted(places)
            return stacked if in_order else torch.stack([stacked[place] for place in places])
        scales = [scale for scale in self.scales if scale is not None]
        pairs = zip(places, scales, strict=True)
        return torch.stack([stacked[place] * scale for place, scale in pairs])

    def _by_group(self) -> Tensor:
        assert self.value is not None
        return self.value.unflatten(0, (len(self.order), self.batch))

    def _prepared(self, index: int, tap: str) -> Tensor:
        """Return a group's cotangent, scaled and in the stack's dtype."""
        cotangent, scale = self.groups[index][tap], self.scales[index]
        if scale is None:
            return cotangent.to(self.dtype)
        # Divided and rounded in one pass.
        out = torch.empty_like(cotangent, dtype=self.dtype)
        return torch.div(cotangent, scale.view(-1, *[1] * (cotangent.ndim - 1)), out=out)


def _scale(group: Features) -> Tensor:
    """Return the power of two at or below each image's largest cotangent, `(B, 1, 1, 1)`."""
    # Over its own dimensions: to flatten what is channels-last would copy it first.
    largest = torch.stack(
        [
            torch.linalg.vector_norm(value, torch.inf, tuple(range(1, value.ndim)))
            for value in group.values()
        ]
    ).amax(0)
    exponent = torch.floor(torch.log2(torch.where(largest > 0, largest, 1.0)))
    return torch.exp2(exponent).view(-1, 1, 1, 1)

"""Pooling's adjoint by one kernel for all groups is the one by a kernel each, to the bit."""

import pytest
import torch
import torch.nn.functional as F
from networks import images, small_vgg

from pdgrad_core.features.base import Precision
from pdgrad_core.features.cotangents import CotangentStack
from pdgrad_core.features.vgg import LOW_TAPS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("side", [8, 7])  # of seven the last row and column win nowhere
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_all_groups_at_once_are_each_alone(dtype, side, memory_format):
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(2, 5, side, 6, generator=generator).relu()  # zeros tie
    before = before.to(dtype, memory_format=memory_format)
    pooled, winners = F.max_pool2d(before, 2, return_indices=True)
    groups = [{"tap": torch.randn(pooled.shape, generator=generator)} for _ in range(3)]
    found = []
    for at_once in (False, True):
        stack = CotangentStack(groups, dtype)
        stack.enter("tap")
        stack.unpool(winners, before, at_once=at_once)
        assert stack.value.is_contiguous(memory_format=torch.channels_last)
        found.append(stack.value)
    assert torch.equal(*found)


@pytest.mark.parametrize("precision", [Precision(), Precision(torch.float32, torch.float16)])
def test_a_networks_gradients_are_the_same(precision):
    image = images(2, 48, seed=1)
    found = []
    for at_once in (False, True):
        network = small_vgg()
        network.precision, network.unpools_at_once = precision, at_once
        features, pullback = network.vjp(image, LOW_TAPS)
        # One group joins at the deepest tap, the other on its way.
        cotangents = [features, {tap: features[tap].cos() for tap in LOW_TAPS[:3]}]
        found.append(pullback(cotangents))
    assert torch.equal(*found)

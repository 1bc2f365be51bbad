"""The mixed multi-path residual block: by hand, by counting, and as it begins."""

import pytest
import torch
from torch import nn

from pdgrad_core.errors import InvalidInputError
from pdgrad_core.gan.mmrb import MMRB


def set_all(block, name, weight, bias=0.0, slope=0.25):
    convolution, activation = getattr(block, name)
    nn.init.constant_(convolution.weight, weight)
    nn.init.constant_(convolution.bias, bias)
    nn.init.constant_(activation.weight, slope)


@torch.no_grad()
def test_values_by_hand():
    block = MMRB(2).double()
    # One pixel: a kernel's middle alone meets it, so every convolution is a weighted sum.
    set_all(block, "fine", 2.0)
    set_all(block, "coarse", 3.0)
    set_all(block, "mixed_fine", 1.0, bias=-5.0)
    set_all(block, "mixed_coarse", 0.5, bias=1.0)
    set_all(block, "fuse", 1.0, slope=0.5)
    block.fuse[0].weight[1] *= -1
    x = torch.tensor([1.0, -4.0]).double().view(1, 2, 1, 1)
    # P1 = prelu(2 * 1) = 2, P2 = prelu(3 * -4) = -12 / 4 = -3
    # P1' = prelu(2 - 3 - 5) = -6 / 4 = -1.5, P2' = prelu(-1 / 2 + 1) = 0.5
    # P = prelu(-1.5 + 0.5), prelu(1.5 - 0.5) = -0.5, 1; output x + P
    assert block(x).flatten().tolist() == [0.5, -3.0]


@torch.no_grad()
def test_the_branches_look_as_far_as_their_kernels():
    block = MMRB(2).double()
    for name in ("fine", "coarse", "mixed_fine", "mixed_coarse", "fuse"):
        set_all(block, name, 1.0)
    x = torch.zeros(1, 2, 13, 13).double()
    x[0, 0, 6, 6] = 1
    changed = (block(x) != x).any(1)[0]
    # The first half goes through 3 and then 3 or 5: three pixels to each side.
    assert changed.nonzero().min() == 3 and changed.nonzero().max() == 9
    x = x.flip(1)
    changed = (block(x) != x).any(1)[0]
    assert changed.nonzero().min() == 2 and changed.nonzero().max() == 10


@pytest.mark.parametrize("channels", [2, 8, 64])
def test_parameters_are_counted_by_the_formula(channels):
    # Kernels 9 + 25: half to half and all to half; 1x1 all to all; a bias and a slope per output.
    expected = 34 * (channels // 2) ** 2 + 34 * channels * channels // 2 + channels**2
    expected += 2 * 3 * channels
    assert sum(p.numel() for p in MMRB(channels).parameters()) == expected


def test_a_new_block_changes_nothing_and_can_learn():
    block = MMRB(6)
    x = torch.randn(2, 6, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.fuse[0].weight.grad.abs().min() > 0


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(InvalidInputError, match="must be even, not 7"):
        MMRB(7)

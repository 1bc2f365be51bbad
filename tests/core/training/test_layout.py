"""The layout of training: runs repeat bit for bit, and only narrow strided 1x1 convolutions pay."""

import pytest
import torch
from torch import nn
from toy_faces import toy_faces
from training_runs import states_equal, tiny

from pdgrad_core.gan.layers import ScaledConv
from pdgrad_core.training.config import PRESETS
from pdgrad_core.training.layout import to_training_layout
from pdgrad_core.training.loop import Trainer
from pdgrad_core.training.objectives import OBJECTIVES


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_uninterrupted_runs_in_one_process_are_bit_equal(objective):
    faces = toy_faces(attributes=3)
    runs = []
    for _ in range(2):
        runs.append(Trainer(tiny(objective), faces))
        for _ in range(4):
            runs[-1].step()
        torch.rand(1001)  # other numbers, and other blocks of memory, in between
    states_equal(*runs)


def contiguous(layer):
    """Whether the layer computes in the contiguous layout, whatever it is given."""
    seen = []
    layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    size = (2, layer.in_channels, 8, 8)
    layer(torch.rand(size).contiguous(memory_format=torch.channels_last))
    return seen[0].is_contiguous() and layer.weight.stride()[2:] == (1, 1)


@pytest.mark.parametrize(
    ("layer", "left_out"),
    [
        (nn.Conv2d(4, 8, 1, stride=2), True),
        (nn.Conv2d(15, 8, 1, stride=2), True),
        (nn.Conv2d(16, 32, 1, stride=(1, 2), groups=2), True),
        (nn.Conv2d(16, 8, 1, stride=2), False),
        (nn.Conv2d(4, 8, 1), False),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1), False),
    ],
)
def test_only_narrow_strided_pointwise_convolutions_are_left_out(layer, left_out):
    assert contiguous(to_training_layout(nn.Sequential(layer))[0]) == left_out


def test_scaled_convolutions_are_treated_alike():
    narrow, wide = ScaledConv(4, 8, 1, stride=2), ScaledConv(16, 8, 1, stride=2)
    to_training_layout(nn.Sequential(narrow, wide))
    seen = []
    for layer in (narrow, wide):
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        size = (2, layer.weight.shape[1], 8, 8)
        layer(torch.rand(size).contiguous(memory_format=torch.channels_last))
    assert [x.is_contiguous() for x in seen] == [True, False]


def test_the_gradient_of_such_a_convolution_is_right_and_repeats():
    """Where memory is overwritten this fails, or ends the process; with 2 threads it may hang."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(4, 8, 1, stride=2, bias=False)
    x = torch.randn(32, 4, 32, 32, generator=generator)
    cotangent = torch.randn(32, 8, 16, 16, generator=generator)
    expected = torch.einsum("nihw,nohw->oi", x[:, :, ::2, ::2].double(), cotangent.double())
    to_training_layout(layer)
    found = []
    for _ in range(20):
        y = layer(x.contiguous(memory_format=torch.channels_last))
        found += torch.autograd.grad(y, layer.weight, cotangent)
    assert all(torch.equal(found[0], other) for other in found)
    rounding = torch.finfo(torch.float32).eps * found[0].new_tensor(32 * 16 * 16).sqrt()
    error = (found[0][:, :, 0, 0] - expected).norm() / expected.norm()
    assert error < 8 * rounding


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_has_such_a_convolution(name):
    config, faces = PRESETS[name], toy_faces(attributes=3)
    with torch.device("meta"):
        module = OBJECTIVES[config.objective](config, faces).build()
    hooks = [m for m in to_training_layout(module).modules() if m._forward_pre_hooks]
    assert not hooks

"""The recipe's own check values, as written down beside the golden vectors."""

import pytest
import torch
from recipe import fill, recipe_tensor
from torch import nn


@pytest.mark.parametrize(
    ("key", "shape", "start"),
    [
        ("conv1.weight", (64, 3, 3, 3), (0.036850337, -0.56076837, -0.076298155)),
        ("layer1.0.bn1.running_var", (64,), (1.0693359, 1.1972238, 1.0602074)),
        ("layer1.0.bn1.running_mean", (64,), (-0.13097365, 0.022004286, 0.01179204)),
        ("layer1.0.bn1.weight", (64,), (0.97055316, 1.0999948, 0.99569672)),
        ("fc.bias", (512,), (-0.027782671, -0.041521907, -0.029399665)),
    ],
)
def test_first_values(key, shape, start):
    assert recipe_tensor(key, shape).flatten()[:3].tolist() == pytest.approx(start, rel=1e-6)


def test_gain_scales_matrices_only():
    assert torch.allclose(
        recipe_tensor("a.weight", (4, 3), 2.0), 2 * recipe_tensor("a.weight", (4, 3))
    )
    assert torch.equal(recipe_tensor("a.bias", (4,), 2.0), recipe_tensor("a.bias", (4,)))


def test_fill_leaves_counters_at_zero_and_evaluates():
    norm = fill(nn.BatchNorm2d(3))
    assert norm.num_batches_tracked.item() == 0
    assert not norm.training

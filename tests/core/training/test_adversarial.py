"""Losses and penalties of scores: by hand, and their gradients against differences."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pdgrad_core.training.adversarial import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    path_length_penalty,
    path_lengths,
)


def test_the_losses_and_their_gradients_by_hand():
    made = torch.tensor([0.0, math.log(3)], dtype=torch.float64, requires_grad=True)
    true = torch.tensor([[0.0]], dtype=torch.float64, requires_grad=True)
    # softplus(0) = log 2, softplus(-log 3) = log(4 / 3); slopes -sigmoid(-D) / 2 = -1/4 and -1/8.
    loss = generator_loss(made)
    assert loss.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    (slope,) = torch.autograd.grad(loss, made)
    assert slope.tolist() == pytest.approx([-1 / 4, -1 / 8])
    # softplus(log 3) = log 4; slopes sigmoid(D) / 2 = 1/4 and 3/8, and -sigmoid(0) = -1/2.
    loss = discriminator_loss(true, made)
    assert loss.item() == pytest.approx(math.log(2) + (math.log(2) + math.log(4)) / 2)
    slopes = torch.autograd.grad(loss, (true, made))
    assert slopes[0].item() == pytest.approx(-1 / 2)
    assert slopes[1].tolist() == pytest.approx([1 / 4, 3 / 8])


def test_r1_of_a_linear_judge_is_half_its_weights_squared():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    images = torch.randn(5, 2, 1, 1, requires_grad=True)
    penalty = gradient_penalty(images.flatten(1) @ weight, images)
    assert penalty.item() == pytest.approx(25 / 2)
    assert torch.autograd.grad(penalty, weight)[0].tolist() == pytest.approx([3.0, 4.0])


def test_r1_of_a_map_is_that_of_its_sum():
    judge = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(judge.weight, 2.0)
    images = torch.randn(3, 1, 4, 4, requires_grad=True)
    # Each of 16 pixels has the slope 2.
    assert gradient_penalty(judge(images), images).item() == pytest.approx(16 * 4 / 2)


def test_path_lengths_of_a_linear_generator_by_hand():
    # Pixel p is a_p w_0 and b_p w_1, so that J^T y = (a y, b y) / sqrt(pixels).
    w = torch.tensor([[0.5, -1.0], [2.0, 1.0]], requires_grad=True)
    slopes = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    images = (w @ slopes).view(2, 1, 2, 2)
    noise = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0]]).view(2, 1, 2, 2)
    found = path_lengths(images, w, noise)
    assert found.tolist() == pytest.approx([math.hypot(7, 6) / 2, 1.0])
    penalty = path_length_penalty(found, torch.tensor(2.0))
    assert penalty.item() == pytest.approx(((math.hypot(7, 6) / 2 - 2) ** 2 + 1) / 2)


def test_path_lengths_of_a_style_per_layer_average_the_layers():
    w = torch.ones(1, 2, 1, requires_grad=True)
    images = (3 * w[:, 0] + 4 * w[:, 1]).view(1, 1, 1, 1)
    # Slopes 3 and 4: the root of (9 + 16) / 2.
    assert path_lengths(images, w, torch.ones(1, 1, 1, 1)).item() == pytest.approx(12.5**0.5)


def r1_of(weight, judge, x):
    images = x.clone().requires_grad_()
    h = F.softplus(F.conv2d(images, weight, padding=1))
    return gradient_penalty(judge(h), images)


def path_of(weight, _judge, x):
    w = x.flatten(1)[:, :6].clone().requires_grad_()
    spread = x.flatten()[:48].view(6, 8)
    made = F.softplus(F.conv2d((w @ spread).view(2, 2, 2, 2), weight, padding=1))
    noise = x.flatten()[:24].view(2, 3, 2, 2)
    return path_length_penalty(path_lengths(made, w, noise), made.new_tensor(0.3))


@pytest.mark.parametrize("penalty", [r1_of, path_of])
def test_penalties_can_be_differentiated_again(penalty):
    torch.manual_seed(0)
    judge = nn.Conv2d(3, 1, 1).double()
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    weight = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: penalty(value, judge, x), weight)

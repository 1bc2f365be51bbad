"""Parity of the antialiased resize that stands before every frozen network."""

import pytest
import torch
from golden import assert_near, golden

from pdgrad_core.images import resize


def waves(size, k):
    """The golden vectors' input formula."""
    axis = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    channels = [
        0.5 * torch.sin(0.37 * (c + 1) * x + 0.11 * y * k)
        + 0.4 * torch.cos(0.23 * y * (c + 1) - 0.05 * x * k)
        for c in range(3)
    ]
    return torch.stack(channels)[None].float()


@pytest.mark.parametrize("size", [512, 256, 128, 64])
def test_value_and_gradient(size):
    vectors = golden("resize_antialias")
    image = waves(size, 1).requires_grad_()
    small = resize(image, 112, 112)
    assert_near(small[:, :1], vectors[f"{size}to112.out_c0"], atol=1e-5)
    (small * waves(112, 2)).sum().backward()
    assert_near(image.grad[:, :1, ::4, ::4], vectors[f"{size}to112.grad_c0.ds4"], atol=1e-5)


def test_equal_size_returns_the_image_itself():
    image = waves(64, 1)
    assert resize(image, 64, 64) is image

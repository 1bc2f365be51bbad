"""Parity of the antialiased resize that stands before every frozen network."""

import pytest
import torch
from golden import golden
from tolerances import assert_recorded

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
    image = waves(size, 1).double().requires_grad_()
    small = resize(image, 112, 112)
    # The recording's positions, up to `size`, are float32 too: half a unit of 512 is 256 units.
    positions = max(1.0, size / 256)
    assert_recorded(small[:, :1].detach(), vectors[f"{size}to112.out_c0"], positions)
    (small * waves(112, 2)).sum().backward()
    largest = float(image.grad.abs().max())
    recorded = vectors[f"{size}to112.grad_c0.ds4"]
    assert_recorded(image.grad[:, :1, ::4, ::4], recorded, positions * largest)


def test_equal_size_returns_the_image_itself():
    image = waves(64, 1)
    assert resize(image, 64, 64) is image

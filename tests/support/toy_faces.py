"""Toy persons: a colour and a pattern each, with noise; enough for a network to learn something."""

import torch

from pdgrad_core.training.dataset import StoredFaces


def toy_faces(people=4, views=8, size=16, attributes=0, seed=0):
    """Return stored faces of this side, one attribute vector a person if asked."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.rand(people, size, size, 3, generator=generator)
    patterns = 0.6 * patterns + 0.4 * torch.rand(people, 1, 1, 3, generator=generator)
    noise = 0.05 * torch.randn(people, views, size, size, 3, generator=generator)
    images = ((patterns[:, None] + noise).clamp(0, 1) * 255).round().to(torch.uint8).flatten(0, 1)
    labels = torch.arange(people).repeat_interleave(views)
    told = None
    if attributes:
        told = torch.randn(people, attributes, generator=generator).repeat_interleave(views, 0)
    return StoredFaces(images, labels, told)

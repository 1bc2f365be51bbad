"""Random images and places in a run, for the tests of contractions."""

import torch

from pdgrad_core.diffusion.sampler import StepContext


def images(batch=2, size=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, size, size, generator=generator) * 1.6 - 0.8


def at(t, repeat=0):
    """Return the context of a step at the original timestep t."""
    return StepContext(torch.zeros(0), t, t, repeat)

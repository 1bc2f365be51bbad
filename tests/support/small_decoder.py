"""A small convolutional decoder of latents, as autoencoders have them: three blocks, twice larger.

It has what makes gradients hard in a real one: group norms over the picture, blocks with a skip,
and a range that it leaves.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(2, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x + self.conv2(F.silu(self.conv1(F.silu(self.norm(x)))))


class SmallDecoder(nn.Module):
    """Latents `(B, 4, h, w)` to `(B, 3, 2 h, 2 w)`."""

    def __init__(self, channels=8, seed=0):
        super().__init__()
        self.first = nn.Conv2d(4, channels, 3, padding=1)
        self.blocks = nn.ModuleList([Block(channels) for _ in range(2)])
        self.last = nn.Conv2d(channels, 3, 3, padding=1)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            fan_in = max(1, parameter[0].numel())
            drawn = torch.randn(parameter.shape, generator=generator) / fan_in**0.5
            parameter.data = drawn if parameter.ndim > 1 else 1 + 0.1 * drawn
            parameter.requires_grad_(False)

    def forward(self, z):
        h = self.blocks[0](self.first(z))
        h = F.interpolate(h, scale_factor=2.0)
        return self.last(self.blocks[1](h))

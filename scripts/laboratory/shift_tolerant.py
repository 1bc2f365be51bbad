"""stlpips's AlexNet distance: a stand-in for LPIPS, never to be called LPIPS."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pdgrad_core.checkpoints import load_checkpoint
from pdgrad_core.features.vgg import normalise
from pdgrad_core.images import resize

SIDE_PX = 128


class ShiftTolerantAlex(nn.Module):
    """The distance `(B,)` of two batches of images in [-1, 1], enlarged to 128 px.

    Source: Ghildyal and Liu, Shift-tolerant Perceptual Similarity Metric (2022): AlexNet whose
    first convolution has stride 1, blurs in the place of strides, LPIPS's distance on five layers.

    Args:
        tensors: From `packages.alex_tensors`.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value)

    @torch.no_grad()
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distance `(B,)`."""
        total = first.new_zeros(len(first))
        for number, (p, q) in enumerate(
            zip(self._features(first), self._features(second), strict=True)
        ):
            gap = (F.normalize(p, dim=1) - F.normalize(q, dim=1)).square()
            head = self.get_buffer(f"lin{number}_weight").view(1, -1, 1, 1)
            total += (gap * head).sum(1).mean((1, 2))
        return total

    def _features(self, image: Tensor) -> list[Tensor]:
        h = normalise(resize(image, SIDE_PX, SIDE_PX, "bicubic"))
        h = F.relu(_blurred(self._conv(0, h, 2)))
        found = [h]
        h = F.relu(self._conv(1, _blurred(F.max_pool2d(h, 3, 1)), 2))
        found.append(h)
        h = F.relu(self._conv(2, _blurred(F.max_pool2d(h, 3, 1)), 1))
        found.append(h)
        for number in (3, 4):
            h = F.relu(self._conv(number, h, 1))
            found.append(h)
        return found

    def _conv(self, number: int, h: Tensor, padding: int) -> Tensor:
        kernel = self.get_buffer(f"conv{number}_weight")
        return F.conv2d(h, kernel, self.get_buffer(f"conv{number}_bias"), padding=padding)


def _blurred(h: Tensor) -> Tensor:
    """Return every second pixel of what the binomial filter of three makes."""
    row = h.new_tensor((1, 2, 1)) / 4
    kernel = (row[:, None] * row).expand(h.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(h, (2, 2, 2, 2), "reflect"), kernel, stride=2, groups=h.shape[1])


def load_alex(path: Path) -> ShiftTolerantAlex:
    """Return the distance from what `prepare` wrote."""
    return ShiftTolerantAlex(dict(load_checkpoint(path).tensors)).eval()

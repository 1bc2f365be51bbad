"""AWing's 98 landmarks, for LMD."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoints import load_checkpoint, load_strict, warn_if_test
from ...dependencies import require_alone
from ...images import resize

SIZE_PX = 256
HEATMAP_PX = 64


def load_landmarks(path: Path, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return a function from faces `(B, 3, H, W)` in [-1, 1] to points `(B, 98, 2)` in pixels.

    Source: Wang et al., Adaptive Wing Loss (2019); facexlib's network.
    Deviations: faces are shrunk with antialiasing.

    Args:
        path: `alignment_WFLW_4HG.pth`.
        device: Where the network is put.

    Raises:
        CheckpointError: The file is damaged or of another network.
        MissingDependencyError: facexlib is not installed.
    """
    arch: Any = require_alone("facexlib.alignment.awing_arch", "facexlib", "LMD", unused=("cv2",))
    checkpoint = load_checkpoint(path)
    with torch.inference_mode(False):
        network = arch.FAN(num_modules=4, num_landmarks=98, device=device)
        load_strict(network, checkpoint, "AWing's landmark network")
        warn_if_test(checkpoint)
        network = network.eval().requires_grad_(False).to(device)

    @torch.no_grad()
    def landmarks(image: Tensor) -> Tensor:
        outputs, _ = network((resize(image, SIZE_PX, SIZE_PX) + 1) / 2)
        # The last channel is the outline of the face.
        points = peaks(outputs[-1][:, :-1].float())
        return points * points.new_tensor([image.shape[-1], image.shape[-2]]) / HEATMAP_PX

    return landmarks


def peaks(heatmaps: Tensor) -> Tensor:
    """Return where heatmaps `(B, N, H, W)` are highest, `(B, N, 2)` as x and y.

    A quarter of a pixel towards the higher neighbour, and pixels' middles at halves.
    """
    height, width = heatmaps.shape[-2:]
    place = heatmaps.flatten(2).argmax(2)
    x, y = place % width, place // width

    def at(row: Tensor, column: Tensor) -> Tensor:
        inside = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        return heatmaps.flatten(2).gather(2, inside[..., None])[..., 0]

    towards = torch.stack(
        [(at(y, x + 1) - at(y, x - 1)).sign(), (at(y + 1, x) - at(y - 1, x)).sign()], 2
    )
    return torch.stack([x, y], 2).float() + 0.5 + 0.25 * towards

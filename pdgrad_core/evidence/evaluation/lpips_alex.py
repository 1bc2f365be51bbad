"""LPIPS through AlexNet: the `lpips` package's network with a trunk from a file of the user's."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoints import load_checkpoint
from ...dependencies import require
from ...errors import WrongArchitectureError

ALEXNET_FILE = "alexnet-owt-7be5be79.pth"
ALEXNET_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
"""torchvision's own; BSD-3-Clause."""

_SLICES = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
"""Which slice of the package's trunk holds which convolution of torchvision's."""


def load_alex_distance(path: Path, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Return LPIPS's distance `(B,)` of two batches `(B, 3, H, W)` in [-1, 1].

    Args:
        path: torchvision's AlexNet.
        device: Where the network is put.

    Raises:
        CheckpointError: The file is damaged or of another network.
        MissingDependencyError: `lpips` is not installed.
    """
    lpips: Any = require("lpips", "lpips", "LPIPS (Alex)")
    tensors = load_checkpoint(path).tensors
    convolutions = [(f"features.{i}", f"net.slice{k}.{i}") for i, k in _SLICES.items()]
    parts = [(a, b, kind) for a, b in convolutions for kind in ("weight", "bias")]
    with torch.inference_mode(False):
        network = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
        own = network.state_dict()
        for theirs, ours, kind in parts:
            found = tensors.get(f"{theirs}.{kind}")
            if found is None or found.shape != own[f"{ours}.{kind}"].shape:
                raise WrongArchitectureError(
                    f"{path.name} is no AlexNet of torchvision's: {theirs}.{kind} does not fit; "
                    f"get it from {ALEXNET_URL}."
                )
        trunk = {f"{ours}.{kind}": tensors[f"{theirs}.{kind}"] for theirs, ours, kind in parts}
        network.load_state_dict({**trunk, **_heads()}, strict=False)
        network = network.eval().requires_grad_(False).to(device)

    @torch.no_grad()
    def distance(first: Tensor, second: Tensor) -> Tensor:
        return network(first, second).flatten()

    return distance


def _heads() -> dict[str, Tensor]:
    spec = importlib.util.find_spec("lpips")
    assert spec is not None and spec.submodule_search_locations
    file = Path(next(iter(spec.submodule_search_locations))) / "weights" / "v0.1" / "alex.pth"
    return dict(load_checkpoint(file).tensors)

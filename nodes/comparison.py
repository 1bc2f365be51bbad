"""Before and after for the page: both pictures in the host's folder for what is passing."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import folder_paths
from torch import Tensor

from ..pdgrad_core.images import resize, to_pil

LARGEST_PAIRS = 16
LARGEST_SIDE_PX = 1024
"""The page shows them on a node, a few hundred pixels wide."""


def compared(before: Tensor, after: Tensor) -> str:
    """Write pairs of pictures for the page's slider and return where they are, as JSON.

    Args:
        before: `(N, 3, H, W)` in [-1, 1].
        after: Likewise, of any size.

    Returns:
        `[{"before": file, "after": file}, ...]`, a file as the host's `/view` takes it.
    """
    count = min(len(before), len(after), LARGEST_PAIRS)
    name = f"pdgrad_{uuid.uuid4().hex[:12]}"
    pairs = [
        {
            "before": _written(before[i : i + 1], f"{name}_{i}_before"),
            "after": _written(after[i : i + 1], f"{name}_{i}_after"),
        }
        for i in range(count)
    ]
    return json.dumps(pairs)


def _written(image: Tensor, name: str) -> dict[str, str]:
    height, width = image.shape[-2:]
    factor = min(1.0, LARGEST_SIDE_PX / max(height, width))
    small = resize(image, round(height * factor), round(width * factor)).clamp(-1, 1)
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}.png"
    to_pil(small).save(folder / file, compress_level=1)
    return {"filename": file, "subfolder": "", "type": "temp"}

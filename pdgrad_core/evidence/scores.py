"""Scores of restored faces against the truth, by networks that never guided."""

from typing import Any

import torch
from torch import Tensor

from ..embedded import Scorers
from ..metrics import METRICS

SCORES = ("psnr", "ssim", "lpips", "deg")
"""The metrics of every study, in the order of its tables."""

HIGHER_IS_BETTER = {name: METRICS[name].higher_is_better for name in SCORES}
"""Direction of each metric."""


@torch.no_grad()
def score(result: Tensor, truth: Tensor, scorers: Scorers) -> dict[str, Tensor]:
    """Return every metric of `SCORES`, `(B,)` each on the CPU.

    Args:
        result: `(B, 3, H, W)` in [-1, 1], on the scorers' device.
        truth: The same shape and range.
        scorers: Networks that took no part in the guidance.
    """
    needs: dict[str, tuple[Any, ...]] = {
        "nothing": (),
        "distance": (scorers.distance,),
        "embedding": (scorers.embed,),
    }
    return {
        name: METRICS[name](*needs[METRICS[name].needs])(result, truth).cpu() for name in SCORES
    }

"""What objectives that teach a restorer share: degraded faces, their validation, their sheet."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..degradations.presets import Preset, degrade
from ..metrics.psnr import PSNR
from .dataset import FaceSource

VALIDATION_IMAGES = 128
SHEET_IMAGES = 8

Restore = Callable[[Tensor], Tensor]
"""Restores degraded faces `(B, 3, H, W)`, wherever the network is."""


def degrade_at_random(images: Tensor, degradation: Preset, generator: torch.Generator) -> Tensor:
    """Degrade training faces, each with a seed drawn from the run's generator.

    Args:
        images: `(B, 3, H, W)` in [-1, 1].
        degradation: Scaled to the faces' size.
        generator: Of the step.
    """
    seeds = torch.randint(2**62, (len(images),), generator=generator).tolist()
    return degrade(images, degradation, seeds)[0]


def restoration_scores(restored: Tensor, degraded: Tensor, truth: Tensor) -> dict[str, float]:
    """Return PSNR of restorations, and of what they were given, in decibels."""
    psnr = PSNR()
    return {
        "psnr": float(psnr(restored, truth).mean()),
        "psnr_degraded": float(psnr(degraded, truth).mean()),
    }


def validate_restorer(
    restore: Restore, faces: FaceSource, degradation: Preset, device: torch.device
) -> dict[str, float]:
    """Return L1 and PSNR of held-out faces, degraded with fixed seeds."""
    truth = faces.first(VALIDATION_IMAGES).images
    degraded, _ = degrade(truth, degradation, 0)
    restored = restore(degraded.to(device)).cpu().clamp(-1, 1)
    l1 = float((restored - truth).abs().mean())
    return {"l1": l1, **restoration_scores(restored, degraded, truth)}


def restorer_sheet(
    restore: Restore, faces: FaceSource, degradation: Preset, device: torch.device
) -> list[Tensor]:
    """Return rows of degraded faces, their restorations in [-1, 1], and the truth."""
    truth = faces.first(8 * SHEET_IMAGES).images[::8]
    degraded, _ = degrade(truth, degradation, 0)
    return [degraded, restore(degraded.to(device)).cpu().clamp(-1, 1), truth]

"""The coarse restorer: L1 on degraded pairs, which makes it clean and too smooth."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...degradations.presets import degrade, preset
from ...restorers.coarse_net import CoarseNetwork
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from .base import OBJECTIVES, Exported, Losses, Objective, home, mirrored


@OBJECTIVES.register("coarse")
class CoarseObjective(Objective):
    """Mean absolute error of the restoration of degraded faces.

    Options: "degradation", a name in `degradations.PRESETS`, scaled to the pictures' size.
    """

    network_keys = ("width", "blocks")
    option_defaults: ClassVar[Mapping[str, Any]] = {"degradation": "pdgrad"}

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.degradation = preset(str(self.options["degradation"]))

    def build(self) -> CoarseNetwork:
        """See `Objective`."""
        options: dict[str, Any] = dict(self.config.network)
        return CoarseNetwork(**options)

    def losses(self, module: CoarseNetwork, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        images = mirrored(batch.images, generator) if self.config.flip else batch.images
        seeds = torch.randint(2**62, (len(images),), generator=generator).tolist()
        degraded, _ = degrade(images, self.degradation, seeds)
        return {"loss": (module(degraded) - images).abs().mean()}

    def validate(self, module: CoarseNetwork, faces: FaceSource) -> dict[str, float]:
        """Return L1 and PSNR of the restoration, and PSNR of what it was given."""
        truth = faces.first(128).images
        degraded, _ = degrade(truth, self.degradation, 0)
        restored = module(degraded.to(home(module))).cpu().clamp(-1, 1)
        return {
            "l1": float((restored - truth).abs().mean()),
            "psnr": _psnr(restored, truth),
            "psnr_degraded": _psnr(degraded, truth),
        }

    def sheet(self, module: CoarseNetwork, faces: FaceSource) -> list[Tensor]:
        """Return degraded faces, their restorations, and the truth."""
        truth = faces.first(64).images[::8]
        degraded, _ = degrade(truth, self.degradation, 0)
        return [degraded, module(degraded.to(home(module))).cpu(), truth]

    def export(self, module: CoarseNetwork) -> Exported:
        """See `Objective`; the loader is `restorers.load_restorer("demo", path)`."""
        return Exported(module.state_dict(), {})


def _psnr(result: Tensor, truth: Tensor) -> float:
    """Return the mean over images of 10 log10(4 / MSE), in decibels."""
    error = (result - truth).square().flatten(1).mean(1)
    return float((10 * torch.log10(4 / error)).mean())

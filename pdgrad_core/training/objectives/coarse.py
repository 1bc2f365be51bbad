"""The coarse restorer: L1 on degraded pairs, which makes it clean and too smooth."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...degradations.presets import preset
from ...restorers.coarse_net import CoarseNetwork
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from ..restoring import degrade_at_random, restorer_sheet, validate_restorer
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
        degraded = degrade_at_random(images, self.degradation, generator)
        return {"loss": (module(degraded) - images).abs().mean()}

    def validate(self, module: CoarseNetwork, faces: FaceSource) -> dict[str, float]:
        """Return L1 and PSNR of the restoration, and PSNR of what it was given."""
        return validate_restorer(module, faces, self.degradation, home(module))

    def sheet(self, module: CoarseNetwork, faces: FaceSource) -> list[Tensor]:
        """Return degraded faces, their restorations, and the truth."""
        return restorer_sheet(module, faces, self.degradation, home(module))

    def export(self, module: CoarseNetwork) -> Exported:
        """See `Objective`; the loader is `restorers.load_restorer("demo", path)`."""
        return Exported(module.state_dict(), {})

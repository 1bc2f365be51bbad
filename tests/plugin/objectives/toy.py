"""An objective with a preset of its own: one convolution that shall change nothing."""

from torch import nn

from ..config import TrainingConfig, add_preset
from .base import OBJECTIVES, Exported, Objective


@OBJECTIVES.register("toy_objective")
class ToyObjective(Objective):
    """Learn the identity."""

    option_defaults = {"pull": 1.0}  # noqa: RUF012

    def build(self):
        return nn.Conv2d(3, 3, 1)

    def losses(self, module, batch, generator):
        return {"loss": (module(batch.images) - batch.images).square().mean()}

    def validate(self, module, faces):
        return {"error": 0.0}

    def sheet(self, module, faces):
        return [faces.first(2).images]

    def export(self, module):
        return Exported(module.state_dict(), {})


add_preset("toy_objective", TrainingConfig("toy_objective", image_size=64, total_images=32))

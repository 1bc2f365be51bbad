"""A restorer that samples: it is handed noise, and may be followed and stopped."""

from ..errors import SamplingStopped
from .base import RESTORERS, Restorer


@RESTORERS.register("toy_restorer")
class ToyRestorer(Restorer):
    """Adds a little noise, in one step."""

    name = "toy_restorer"
    needs_weights = False
    samples = True
    licence = "none"

    def _sample(self, degraded, noise, watch, /):
        if watch.should_stop is not None and watch.should_stop():
            raise SamplingStopped("The toy was stopped.")
        return (degraded + 0.01 * noise().to(degraded)).clamp(-1, 1)

"""Wall-clock laps of what is done one after the other."""

import time

import torch


class Stopwatch:
    """Measures laps; waits for the GPU, so that a lap holds its own work.

    Attributes:
        seconds: Of each lap by name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a lap; the next one begins."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now

"""Noise drawn some steps ahead, in a thread of its own, and copied while the device computes.

A generator of the CPU takes longer for the noise of a 512 px face than a GPU may take for a step.
The numbers and their order are the source's own.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor

from .noise import NoiseSource, PerImageNoise

if TYPE_CHECKING:
    from collections.abc import Generator

AHEAD = 4
"""Draws that are made before they are asked for."""


class NoiseAhead:
    """A noise source whose next draws are under way already.

    Args:
        noise: Draws; nobody else may, until `close`.
        draws: How many there will be: no generator is moved beyond them.
    """

    def __init__(self, noise: PerImageNoise, draws: int) -> None:
        self.noise = noise
        self.left = draws
        self.drawn: deque[Future[Tensor]] = deque()
        # One thread: the draws of a generator have an order.
        self.thread = ThreadPoolExecutor(1, "pdgrad-noise")
        for _ in range(AHEAD):
            self._begin()

    def __call__(self) -> Tensor:
        """Return the next noise, `(B, C, H, W)` float32, its copy to the device under way."""
        if not self.drawn:
            return self.noise()
        drawn = self.drawn.popleft().result()
        self._begin()
        return self.noise.moved(drawn)

    def close(self) -> None:
        """Wait for what is being drawn, and drop what was drawn in vain."""
        self.thread.shutdown(cancel_futures=True)
        self.drawn.clear()

    def _begin(self) -> None:
        if self.left > 0:
            self.left -= 1
            self.drawn.append(self.thread.submit(self.noise.draw))


@contextmanager
def drawn_ahead(noise: NoiseSource, draws: int) -> "Generator[NoiseSource]":
    """Yield a source of the same noise that draws ahead, or the source itself.

    Ahead is drawn where the noise has to be moved to a GPU; elsewhere the thread would take the
    processor from the networks. After a run that ended early the generators are some draws further.

    Args:
        noise: The source.
        draws: How often it will be asked.
    """
    if not (isinstance(noise, PerImageNoise) and noise.moves):
        yield noise
        return
    ahead = NoiseAhead(noise, draws)
    try:
        yield ahead
    finally:
        ahead.close()

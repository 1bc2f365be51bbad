"""Whether a step stayed finite: asked on the device as it computes, read once when it is over.

Every read makes the host wait for a GPU, which then waits for the host: so a step only notes what
has to be finite, together with the sentence that says what was not.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import NonFiniteError
from ..images import non_finite


class Finiteness:
    """What has to be finite in a step, in the order in which it was computed."""

    def __init__(self) -> None:
        self._expected: list[tuple[Tensor, Callable[[], NonFiniteError]]] = []

    def expect(self, fine: Tensor, error: Callable[[], NonFiniteError]) -> None:
        """Note a condition.

        Args:
            fine: Whether it holds, one boolean on the device.
            error: Makes the error where it does not; asked after the step.
        """
        self._expected.append((fine, error))

    def expect_all(
        self, what: str, values: Tensor, advice: str = "check the weights, or compute in float32"
    ) -> None:
        """Note that all values of a tensor have to be finite: clipping would hide them."""
        self.expect(torch.isfinite(values).all(), lambda: non_finite(what, advice))

    def read(self) -> None:
        """Wait for the conditions noted up to now, and forget them.

        Raises:
            NonFiniteError: The first that does not hold.
        """
        expected, self._expected = self._expected, []
        if not expected:
            return
        where = expected[0][0].device
        if bool(torch.stack([fine.to(where) for fine, _ in expected]).all()):
            return
        raise next(error() for fine, error in expected if not bool(fine))

"""Averages of the weights over training: what is exported is the average, not the last step."""

import copy
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import InvalidInputError


def power_exponent(std: float) -> float:
    """Return gamma, the exponent of the power-function average of a relative width.

    Source: Karras et al. 2024 (EDM2), section 3.1:
        sigma_rel^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)).

    Args:
        std: sigma_rel, the standard deviation of the average's profile relative to the length of
            training so far, below 0.28 (a flat profile has 0.289).

    Raises:
        InvalidInputError: std outside (0, 0.28].
    """
    if not 0 < std <= 0.28:
        raise InvalidInputError(f"An average's relative width must be from 0 to 0.28, not {std}.")
    roots = np.roots([1.0, 7.0, 16.0 - std**-2, 12.0 - std**-2])
    return float(roots.real.max())


class WeightAverage(ABC):
    """A running average of a module's parameters and floating-point buffers.

    Batch norms' running statistics are averaged like weights; whole numbers are taken over.

    Args:
        module: What is averaged; the average starts as a copy of it.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)

    @abstractmethod
    def beta(self, images: int, batch_size: int) -> float:
        """Return the weight of the old average.

        Args:
            images: Images seen, this batch included.
            batch_size: Images of this batch.
        """

    @torch.no_grad()
    def update(self, module: nn.Module, images: int, batch_size: int) -> None:
        """Take in the module as it is after a step."""
        beta = self.beta(images, batch_size)
        new = module.state_dict()
        for name, average in self.module.state_dict().items():
            if average.is_floating_point():
                average.lerp_(new[name], 1.0 - beta)
            else:
                average.copy_(new[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the average's tensors."""
        return self.module.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved average."""
        self.module.load_state_dict(state)


class PowerAverage(WeightAverage):
    """Weights theta(tau) by tau^gamma: the early, bad ones count for little at any length.

    Source: EDM2 section 3.1, beta_gamma(t) = (1 - 1/t)^(gamma + 1).
    Deviations: t is counted in images, a batch at once.

    Args:
        module: What is averaged.
        std: See `power_exponent`.
    """

    def __init__(self, module: nn.Module, std: float) -> None:
        super().__init__(module)
        self.gamma = power_exponent(std)

    def beta(self, images: int, batch_size: int) -> float:
        """Return (1 - batch / images)^(gamma + 1); 0 at the first batch."""
        return (1.0 - batch_size / images) ** (self.gamma + 1.0)


class PlainAverage(WeightAverage):
    """An exponential average with a half-life, shorter while the run is young.

    Args:
        module: What is averaged.
        halflife: In images.
        rampup: The half-life is at most this fraction of the images seen.
    """

    def __init__(self, module: nn.Module, halflife: int, rampup: float = 0.05) -> None:
        super().__init__(module)
        self.halflife = halflife
        self.rampup = rampup

    def beta(self, images: int, batch_size: int) -> float:
        """Return 0.5^(batch / half-life)."""
        halflife = min(float(self.halflife), self.rampup * images)
        return 0.5 ** (batch_size / max(halflife, 1e-8))


def make_average(module: nn.Module, std: float | None, halflife: int) -> WeightAverage:
    """Return a power-function average of this width, or a plain one where there is no width."""
    if std is not None:
        return PowerAverage(module, std)
    return PlainAverage(module, halflife)

"""Self-supervised super-resolution: SRM and CFM fitted to the one image to be enlarged."""

import math
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from ..errors import InvalidInputError
from ..images import check_image, resize
from ..parameters import Param
from ..true_float32 import true_float32
from .filters import LowPassFilter
from .srm import CFM, SRM, SRM_WIDTH, initialise

if TYPE_CHECKING:
    from collections.abc import Generator

Network = TypeVar("Network", SRM, CFM)

OBJECTIVES = ("downsampled", "low_passed", "enlarged")
"""The readings of eq. 3; see `FitSettings`."""

SKIPS = ("image", "features")

DIVERGED = 100.0
"""A fit has diverged where its loss is so many times that of its start, or of a grey image."""


@dataclass(frozen=True)
class FitSettings:
    """How SRM and CFM are fitted.

    Source: DifBFSR eq. 3 and 4, section 4.2: Adam, 2e-3 for phi, 5e-3 for eta, alternating, 100
        iterations in all.
    Deviations: the loss is a mean, not a sum; Adam's steps do not depend on that. Eq. 3 compares
        images of two sizes, so it is read in one of three ways (`objective`).

    Attributes:
        scale: How many times larger the result is than y.
        objective: With z = CFM(SRM(y)), compare "downsampled": z shrunk to y's size, with y;
            "low_passed": the same two after psi_l; "enlarged": psi_l(z) with psi_l of y enlarged.
        cfm: Whether there is a CFM; without, z = SRM(y).
        skip: Where SRM's long skip runs, "image" or "features".
        iterations: Updates, of phi and eta in turn.
        srm_rate: Adam's learning rate of phi.
        cfm_rate: Adam's learning rate of eta.
        last_scale: Factor of the last layers' initial weights.
        width: Channels of SRM.

    Raises:
        InvalidInputError: A value that no fit can use.
    """

    scale: int = 4
    objective: str = "downsampled"
    cfm: bool = True
    skip: str = "image"
    iterations: int = 100
    srm_rate: float = 2e-3
    cfm_rate: float = 5e-3
    last_scale: float = 0.01
    width: int = SRM_WIDTH

    def __post_init__(self) -> None:
        Param(choices=OBJECTIVES).check("objective", self.objective)
        Param(choices=SKIPS).check("skip", self.skip)
        Param(1, 64).check("scale", self.scale)
        Param(0, 100_000).check("iterations", self.iterations)
        Param(0.0, 1.0).check("srm_rate", self.srm_rate)
        Param(0.0, 1.0).check("cfm_rate", self.cfm_rate)


@contextmanager
def gradients() -> "Generator[None]":
    """Take gradients whatever mode the caller is in; the host's is inference mode."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


class Fit:
    """SRM and CFM of one image, with the state of lowest loss so far.

    Args:
        degraded: y, `(1, 3, h, w)` in [-1, 1]; the networks work on its device, in float32.
        settings: How to fit.
        generator: CPU generator of the initial weights.

    Attributes:
        losses: The loss of each state that was looked at: the initial one, then after each update.
        diverged: Whether the fit stopped because its loss ran away.
    """

    def __init__(self, degraded: Tensor, settings: FitSettings, generator: torch.Generator) -> None:
        self.settings = settings
        self.losses: list[float] = []
        self.diverged = False
        self._filter = LowPassFilter("bicubic", settings.scale)
        with gradients():
            # A clone made outside inference mode is a tensor that autograd may keep.
            self._degraded = degraded.detach().clone().float()
            with torch.device("meta"):
                srm = SRM(settings.scale, settings.skip, settings.width)
                cfm = CFM()
            self._srm = self._placed(srm, generator)
            self._cfm = self._placed(cfm, generator)
            self._optimisers = [torch.optim.Adam(self._srm.parameters(), settings.srm_rate)]
            if settings.cfm:
                rate = settings.cfm_rate
                self._optimisers.append(torch.optim.Adam(self._cfm.parameters(), rate))
            self._target = self._target_of(self._degraded)
        self._grey_loss = 0.5 * float(self._target.square().mean())
        self._updates = 0
        self._lowest = math.inf
        self._best: tuple[Tensor, Tensor] | None = None
        self._best_cfm: dict[str, Tensor] = {}

    def _placed(self, network: Network, generator: torch.Generator) -> Network:
        # Built without weights: the usual constructors would draw from the global generator.
        network = network.to_empty(device="cpu")
        initialise(network, generator, self.settings.last_scale)
        return network.to(self._degraded.device)

    @true_float32()
    def advance(self, iterations: int = 1) -> None:
        """Update phi and eta in turn; a fit that diverged does nothing more."""
        for _ in range(iterations):
            with gradients():
                enlarged, output = self._outputs()
                loss = self._loss(output)
                self._look_at(enlarged, output, loss)
                if self.diverged:
                    return
                optimiser = self._optimisers[self._updates % len(self._optimisers)]
                optimiser.zero_grad()
                loss.backward(inputs=optimiser.param_groups[0]["params"])  # eq. 4
                optimiser.step()
            self._updates += 1

    @true_float32()
    def predict(self) -> tuple[Tensor, Tensor]:
        """Return SRM(y) and CFM(SRM(y)) of the best state up to now.

        Returns:
            Twice `(1, 3, H, W)` in [-1, 1]; the same image without a CFM.
        """
        with torch.inference_mode(False), torch.no_grad():
            if not self.diverged and len(self.losses) <= self._updates:
                enlarged, output = self._outputs()
                self._look_at(enlarged, output, self._loss(output))
            assert self._best is not None
            enlarged, output = self._best
            return enlarged.clamp(-1, 1), output.clamp(-1, 1)

    @true_float32()
    def filtered(self, image: Tensor) -> Tensor:
        """Return CFM(image), `(1, 3, H, W)`, by the best state."""
        with torch.inference_mode(False), torch.no_grad():
            current = {name: value.clone() for name, value in self._cfm.state_dict().items()}
            self._cfm.load_state_dict(self._best_cfm)
            result = self._cfm(image.clone().float())
            self._cfm.load_state_dict(current)
        return result.to(image.dtype)

    def _outputs(self) -> tuple[Tensor, Tensor]:
        enlarged = self._srm(self._degraded)
        return enlarged, self._cfm(enlarged) if self.settings.cfm else enlarged

    def _target_of(self, degraded: Tensor) -> Tensor:
        if self.settings.objective == "downsampled":
            return degraded
        if self.settings.objective == "low_passed":
            return self._filter(degraded)
        scale = self.settings.scale
        size = (scale * degraded.shape[-2], scale * degraded.shape[-1])
        return self._filter(resize(degraded, *size, "bicubic"))

    def _loss(self, output: Tensor) -> Tensor:
        if self.settings.objective == "enlarged":
            seen = self._filter(output)
        else:
            seen = self._filter.shrink(output)
            if self.settings.objective == "low_passed":
                seen = self._filter(seen)
        return 0.5 * (self._target - seen).square().mean()  # eq. 3

    def _look_at(self, enlarged: Tensor, output: Tensor, loss: Tensor) -> None:
        """Enter the current state's loss; keep the state if it is the best, stop if it ran away."""
        if len(self.losses) > self._updates:
            return
        value = float(loss.detach())
        self.losses.append(value)
        if value < self._lowest:
            self._lowest, self._best = value, (enlarged.detach(), output.detach())
            self._best_cfm = {k: v.clone() for k, v in self._cfm.state_dict().items()}
        self.diverged = not value <= DIVERGED * max(self._grey_loss, self.losses[0])


def start_fits(
    degraded: Tensor, settings: FitSettings, generators: Sequence[torch.Generator]
) -> list[Fit]:
    """Return an unfitted pair of networks for each image.

    Args:
        degraded: y, `(B, 3, h, w)` in [-1, 1].
        settings: How to fit.
        generators: CPU generators of the initial weights, one per image.

    Raises:
        InvalidInputError: Not finite images, or another number of generators.
    """
    check_image(degraded, "The low-resolution image")
    if len(generators) != len(degraded):
        raise InvalidInputError(
            f"Fitting needs a generator for each of the {len(degraded)} images, "
            f"not {len(generators)}."
        )
    pairs = zip(degraded.split(1), generators, strict=True)
    return [Fit(image, settings, generator) for image, generator in pairs]


def advance_fits(
    fits: Sequence[Fit], iterations: int, on_iteration: Callable[[int, int], None] | None = None
) -> None:
    """Advance one fit after the other.

    Args:
        fits: The fits.
        iterations: Updates of each.
        on_iteration: Called before each update with the number done and their total; its exceptions
            end the fitting.
    """
    for number, fit in enumerate(fits):
        for iteration in range(iterations):
            if on_iteration is not None:
                on_iteration(number * iterations + iteration, iterations * len(fits))
            fit.advance()

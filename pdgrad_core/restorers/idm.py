"""IDM as a restorer: ten steps of its own process from noise, told the degraded face."""

from typing import Annotated, Any

import torch
from torch import Tensor
from typing_extensions import Self

from ..checkpoints import Checkpoint
from ..devices import at_least_float32
from ..diffusion.noise import NoiseSource
from ..diffusion.noise_levels import DEFAULT_SPACING, SPACINGS, level_timesteps
from ..diffusion.priors.idm import IDMPrior
from ..diffusion.sampler import Sampler, Watch
from ..diffusion.steppers import STEPPERS
from ..errors import InvalidInputError
from ..parameters import Param, check_parameters
from .base import RESTORERS, Restorer

STEPS = 10
"""The paper's: 5 fail, more than 10 do not help."""

IDMSteps = Annotated[int, Param(1, 1000, 1, tooltip="Steps of IDM's own sampling; 10 are enough.")]
IDMStepper = Annotated[
    str,
    Param(
        choices=tuple(STEPPERS), what="stepper",
        tooltip="How IDM steps: ddpm, the paper's choice, or ddim.",
    ),
]  # fmt: skip
Spacing = Annotated[
    str,
    Param(
        choices=tuple(SPACINGS),
        what="spacing of noise levels",
        tooltip="How the noise levels of IDM's steps are chosen.",
    ),
]


@RESTORERS.register("idm")
class IDMRestorer(Restorer):
    """Samples p(x | x_d) in a few steps; the outer x_t plays no part.

    Source: IDM section 3.2, eq. 8.
    Deviations: see `IDMPrior`. The paper does not say which ten noise levels it visits.

    Args:
        prior: The conditional prior.
        steps: Steps of the sampling, 1 to T.
        stepper: Key in `STEPPERS`.
        spacing: Key in `SPACINGS`.

    Raises:
        InvalidInputError: steps is out of range, or there is no such stepper or spacing.
    """

    name = "idm"
    weights = "idm-512"
    samples = True

    def __init__(
        self,
        prior: IDMPrior,
        steps: IDMSteps = STEPS,
        stepper: IDMStepper = "ddpm",
        spacing: Spacing = DEFAULT_SPACING,
    ) -> None:
        check_parameters(type(self), {"steps": steps, "stepper": stepper, "spacing": spacing})
        self.prior = prior
        self.network = prior.network
        schedule = prior.schedule
        self.plan = schedule.respaced(level_timesteps(schedule, len(schedule), steps, spacing))
        self.stepper = STEPPERS[stepper]()

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **options: Any) -> Self:
        """Build the prior with the weights of a file; see `IDMPrior.from_checkpoint`."""
        return cls(IDMPrior.from_checkpoint(checkpoint), **options)

    @property
    def own_prior(self) -> IDMPrior:
        """The conditional prior."""
        return self.prior

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Self:
        """Move the network, laid out in memory as the prior wants it; returns self."""
        with torch.inference_mode(False):
            self.prior.to(device, dtype)
        return self

    def _check_size(self, degraded: Tensor) -> None:
        height, width = degraded.shape[-2:]
        multiple = self.prior.network.config.downsampling
        if height % multiple or width % multiple:
            raise InvalidInputError(
                f"The restorer {self.name!r} takes images whose sides are multiples of {multiple} "
                f"pixels, not {width}x{height}; resize the image."
            )

    def _sample(self, degraded: Tensor, noise: NoiseSource, watch: Watch, /) -> Tensor:
        face = at_least_float32(degraded)

        def drawn() -> Tensor:
            return noise().to(face)

        sampler = Sampler(self.prior.conditioned_on(face), self.plan, stepper=self.stepper)
        return sampler.run(drawn(), drawn, watch.on_step, watch.should_stop).image

"""psi_l as a contraction: the low frequencies of any image, the high ones of x0hat."""

from typing import Annotated, TypeAlias

from torch import Tensor

from ..diffusion.sampler import StepContext, StepImage
from ..errors import InvalidInputError
from ..images import check_image
from ..masks import known_pixels
from ..parameters import Param, check_parameters
from .base import CONTRACTIONS, Card, Contraction
from .filters import KERNELS, LowPassFilter

Target: TypeAlias = Tensor | StepImage
"""yhat: an image `(B or 1, 3, H, W)` in [-1, 1], or a callable that gives it at each step."""

Factor = Annotated[
    float,
    Param(
        1.0,
        512.0,
        0.5,
        tooltip="l: how many times smaller the image becomes that is kept; more keeps less of it.",
    ),
]
NoisyFactor = Annotated[
    float,
    Param(
        0.0,
        512.0,
        0.5,
        tooltip="l at the noisiest timestep; it changes geometrically to the factor. 0: the same.",
    ),
]
Weight = Annotated[
    float, Param(0.0, 1.0, 0.05, tooltip="How far the low frequencies move to the image's.")
]
Kernel = Annotated[
    str,
    Param(
        choices=KERNELS,
        tooltip="How the low frequencies are taken: bicubic and box keep them exactly; "
        "bicubic_enlarged does not.",
    ),
]
Until = Annotated[
    int,
    Param(
        0,
        1000,
        1,
        unit="timesteps",
        tooltip="The filter rests below this timestep, so that the prior has the last word.",
    ),
]

LAST_TIMESTEP = 999
"""The noisiest timestep of the papers' schedule, where a changing factor starts."""


@CONTRACTIONS.register("low_pass")
class LowPass(Contraction):
    """xhat = psi_l(yhat) + (I - psi_l)(x0hat), written x0hat + w psi_l(yhat - x0hat).

    Source: DifBFSR eq. 5; the form of ILVR (Choi et al. 2021) and DDNM (Wang et al. 2022).
    Deviations: weight, schedule, resting and mask are ours; their defaults are the equation. The
        difference is masked before the filter and after it, so what is missing neither moves nor
        leaks into its surroundings.

    Args:
        target: yhat: the SRM's prediction, y_c, any picture; or a callable of the step.
        mask: `(B or 1, 1, H, W)`, 1 where yhat is missing; fractions count as missing.
        factor: l at t = 0, 1 or more.
        noisy_factor: l at the noisiest timestep, or 0 for the same.
        weight: w, from 0 to 1.
        kernel: See `LowPassFilter`.
        until: The filter rests at t < until.

    Raises:
        InvalidInputError: An image, a mask or a number that cannot be used.

    Example:
        >>> import torch
        >>> contract = LowPass(torch.zeros(1, 3, 16, 16), kernel="box")
        >>> contract(torch.ones(1, 3, 16, 16), StepContext(torch.zeros(0), 0, 0)).abs().sum()
        tensor(0.)
    """

    card = Card(
        title="Contraction",
        node="Contraction",
        description="Keeps an image's low frequencies while the prior draws the high ones: at each "
        "step, what the estimate of the clean face and the image differ in when both are made "
        "small is corrected. Any image will do: a bicubic enlargement, the coarse face, a picture "
        "of your own.",
        image="Whose low frequencies are kept; one for all faces or one each, of the size that is "
        "sampled.",
    )

    def __init__(
        self,
        target: Target,
        mask: Tensor | None = None,
        *,
        factor: Factor = 4.0,
        noisy_factor: NoisyFactor = 0.0,
        weight: Weight = 1.0,
        kernel: Kernel = "bicubic",
        until: Until = 0,
    ) -> None:
        values = {"factor": factor, "noisy_factor": noisy_factor, "weight": weight}
        check_parameters(LowPass, {**values, "kernel": kernel, "until": until})
        if 0 < noisy_factor < 1:
            raise InvalidInputError(f"noisy_factor must be 0, or 1 or more, not {noisy_factor}.")
        if isinstance(target, Tensor):
            check_image(target, "The contraction's image")
        self.target = target
        self.known = None if mask is None else known_pixels(mask).float()
        self.factor = factor
        self.noisy_factor = noisy_factor or factor
        self.weight = weight
        self.kernel = kernel
        self.until = until

    def __call__(self, x0hat: Tensor, context: StepContext) -> Tensor:
        """See `Contraction`."""
        if context.t < self.until or self.weight == 0:
            return x0hat
        target = self.target_at(context).to(x0hat.device).float()
        _check_fits(target, x0hat, "The contraction's image")
        difference = target - self.seen(x0hat.float())
        psi = LowPassFilter(self.kernel, self.factor_at(context.t))
        if self.known is None:
            return x0hat + self.weight * psi(difference).to(x0hat.dtype)
        known = self.known.to(x0hat.device)
        _check_fits(known, x0hat, "The contraction's mask")
        return x0hat + self.weight * (known * psi(known * difference)).to(x0hat.dtype)

    def target_at(self, context: StepContext) -> Tensor:
        """Return yhat at a step."""
        return self.target if isinstance(self.target, Tensor) else self.target(context)

    def seen(self, x0hat: Tensor) -> Tensor:
        """Return what is compared with yhat: x0hat itself."""
        return x0hat

    def factor_at(self, t: int) -> float:
        """Return l at an original timestep."""
        noisiness = min(t / LAST_TIMESTEP, 1.0)
        return self.factor * (self.noisy_factor / self.factor) ** noisiness


def _check_fits(image: Tensor, x0hat: Tensor, what: str) -> None:
    if image.shape[-2:] != x0hat.shape[-2:] or image.shape[0] not in (1, x0hat.shape[0]):
        raise InvalidInputError(
            f"{what} must be one or {x0hat.shape[0]} of {x0hat.shape[-1]}x{x0hat.shape[-2]} "
            f"pixels, not {image.shape[0]} of {image.shape[-1]}x{image.shape[-2]}."
        )

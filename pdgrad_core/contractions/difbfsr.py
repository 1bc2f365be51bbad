"""DifBFSR as a contraction: towards an enlargement fitted to the photo itself."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor
from typing_extensions import Self

from ..diffusion.noise import per_image_generators
from ..diffusion.sampler import Record, StepContext
from ..parameters import Param, check_parameters
from .base import CONTRACTIONS, Card
from .fit import OBJECTIVES, SKIPS, Fit, FitSettings, advance_fits, start_fits
from .low_pass import Kernel, LowPass, NoisyFactor, Until, Weight

FIT_TIMES = ("before", "along")
CFM_PLACES = ("target", "both", "printed", "none")

Scale = Annotated[
    int, Param(1, 16, 1, tooltip="How many times smaller the low-resolution face is.")
]
FitTime = Annotated[
    str,
    Param(
        choices=FIT_TIMES,
        tooltip="before: the networks are fitted once, before sampling; along: some iterations at "
        "each step, so that the enlargement changes with the steps.",
    ),
]
Iterations = Annotated[
    int, Param(0, 10_000, 1, tooltip="Updates of the networks, where they are fitted before.")
]
StepIterations = Annotated[
    int, Param(1, 100, 1, tooltip="Updates at each step, where the networks are fitted along.")
]
Objective = Annotated[
    str,
    Param(
        choices=OBJECTIVES,
        tooltip="What the enlargement has in common with the photo: downsampled, it is the photo; "
        "low_passed, its low frequencies are the photo's; enlarged, those of the enlarged photo.",
    ),
]
CFMPlace = Annotated[
    str,
    Param(
        choices=CFM_PLACES,
        tooltip="Where the learned filter acts: on the enlargement (target), on the estimate of "
        "the clean face too (both), in the fit alone (printed), or nowhere (none).",
    ),
]
Skip = Annotated[
    str,
    Param(
        choices=SKIPS,
        tooltip="What the enlarging network starts from: the bicubic image, or its features.",
    ),
]
Factor = Annotated[
    float,
    Param(
        0.0,
        512.0,
        0.5,
        tooltip="l: how many times smaller the image becomes that is kept. 0: the scale.",
    ),
]


@CONTRACTIONS.register("difbfsr")
class DifBFSR(LowPass):
    """xhat = psi_{l,eta}(yhat_t) + (I - psi_l)(x0hat), yhat_t = SRM_phi(y), fitted to y alone.

    Source: DifBFSR eq. 2 to 5.
    Deviations: as printed, eta never reaches the sample; here psi_{l,eta}(z) = psi_l(CFM_eta(z)) on
        the enlargement, and the other readings are the choices of `cfm`. Eq. 3 is read as
        `objective` says. The paper fits "in the inverse process", 100 iterations: before sampling
        or along it, as `fit` says. The filter rests in the last steps, so that the prior removes
        the noise that y's low frequencies bring along; `until` 0 is the equation.

    Args:
        degraded: y, `(B, 3, h, w)` in [-1, 1], `scale` times smaller than x0hat.
        mask: `(B or 1, 1, H, W)` of x0hat's size, 1 where y knows nothing.
        generators: CPU generators, one per image; each gives the seed of its networks' weights.
        fit: "before" or "along".
        scale: x0hat's size over y's.
        iterations: Updates where the fit is done before.
        iterations_per_step: Updates at each step where it is done along.
        objective: See `FitSettings`.
        cfm: "target", "both", "printed" or "none".
        skip: See `FitSettings`.
        factor: l at t = 0; 0 for the scale.
        noisy_factor: See `LowPass`.
        weight: See `LowPass`.
        kernel: See `LowPass`.
        until: See `LowPass`.

    Raises:
        InvalidInputError: An image or a number that cannot be used.

    Example:
        >>> import torch
        >>> y = torch.zeros(1, 3, 16, 16)
        >>> contract = DifBFSR(y, generators=per_image_generators([0]), iterations=2)
        >>> contract.prepare().shape, len(contract.losses[0])
        (torch.Size([1, 3, 64, 64]), 3)
    """

    card = Card(
        title="Self-Supervised Super-Resolution",
        node="SelfSupervisedSR",
        category="restore",
        description="DifBFSR: enlarges a small face by two small networks that are fitted to this "
        "face alone, without any training data, and gives the contraction that keeps the sampled "
        "face true to it. Fitted before sampling the image is the enlargement; fitted along, the "
        "networks learn while the face is sampled.",
        image="Small aligned faces, e.g. 128 px for 512.",
        known="enlarged image",
    )
    fitted = True

    @classmethod
    def towards(
        cls,
        image: Tensor,
        mask: Tensor | None = None,
        *,
        seeds: Sequence[int] = (),
        **values: Any,
    ) -> Self:
        """Return the contraction towards the enlargement of small faces; see `Contraction`."""
        return cls(image, mask, generators=per_image_generators(seeds), **values)

    def __init__(
        self,
        degraded: Tensor,
        mask: Tensor | None = None,
        *,
        generators: Sequence[torch.Generator],
        fit: FitTime = "before",
        scale: Scale = 4,
        iterations: Iterations = 100,
        iterations_per_step: StepIterations = 2,
        objective: Objective = "downsampled",
        cfm: CFMPlace = "target",
        skip: Skip = "image",
        factor: Factor = 0.0,
        noisy_factor: NoisyFactor = 0.0,
        weight: Weight = 1.0,
        kernel: Kernel = "bicubic",
        until: Until = 150,
    ) -> None:
        chosen = {"fit": fit, "scale": scale, "iterations": iterations, "cfm": cfm}
        check_parameters(DifBFSR, {**chosen, "iterations_per_step": iterations_per_step})
        super().__init__(
            self._yhat,
            mask,
            factor=factor or float(scale),
            noisy_factor=noisy_factor,
            weight=weight,
            kernel=kernel,
            until=until,
        )
        self.degraded = degraded
        self.fit = fit
        self.cfm = cfm
        self.iterations_per_step = iterations_per_step
        self.settings = FitSettings(scale, objective, cfm != "none", skip, iterations)
        self._seeds = [int(torch.randint(1 << 62, (1,), generator=g)) for g in generators]
        self._fits = self._started()
        self._prepared: Tensor | None = None

    @property
    def losses(self) -> list[list[float]]:
        """Each image's loss curve, up to now."""
        return [list(fit.losses) for fit in self._fits]

    @property
    def record(self) -> Record:
        """The loss of each image's networks, where they are fitted along the steps."""
        if self.fit == "before" or not self._fits[0].losses:
            return {}
        return {"srm.loss": torch.tensor([fit.losses[-1] for fit in self._fits])}

    def reset(self) -> None:
        """Forget a fit made along the steps; one made before depends on y and the seeds alone."""
        if self.fit == "along":
            self._fits = self._started()

    def prepare(self, on_iteration: Callable[[int, int], None] | None = None) -> Tensor:
        """Return yhat: fitted now if it is to be fitted before sampling, else its first state.

        Args:
            on_iteration: Called with the iterations done and their total; its exceptions end the
                fit.

        Returns:
            `(B, 3, H, W)` in [-1, 1], dtype and device of y.
        """
        if self.fit == "along":
            return self._predictions()
        if self._prepared is None:
            self._fits = self._started()  # also after an interrupted attempt
            advance_fits(self._fits, self.settings.iterations, on_iteration)
            self._prepared = self._predictions()
        return self._prepared

    def seen(self, x0hat: Tensor) -> Tensor:
        """Return x0hat, or what the learned filter makes of it."""
        if self.cfm != "both":
            return x0hat
        pairs = zip(self._fits, x0hat.split(1), strict=True)
        return torch.cat([fit.filtered(image) for fit, image in pairs])

    def _yhat(self, context: StepContext) -> Tensor:
        if self.fit == "before":
            return self.prepare()
        if context.repeat == 0:
            for fit in self._fits:
                fit.advance(self.iterations_per_step)
        return self._predictions()

    def _started(self) -> list[Fit]:
        return start_fits(self.degraded, self.settings, per_image_generators(self._seeds))

    def _predictions(self) -> Tensor:
        which = 0 if self.cfm == "printed" else 1
        with torch.inference_mode(False):
            predictions = torch.cat([fit.predict()[which] for fit in self._fits])
            return predictions.to(self.degraded.device, self.degraded.dtype)

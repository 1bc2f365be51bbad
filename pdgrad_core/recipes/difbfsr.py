"""DifBFSR: contraction towards an enlargement that is fitted to the photo alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from torch import Tensor

from ..contractions import Contraction
from ..contractions.difbfsr import FIT_TIMES, DifBFSR, Iterations
from ..contractions.filters import low_resolution
from ..contractions.low_pass import LowPass, Until
from ..diffusion.noise import per_image_generators
from ..diffusion.sampler import StepImage
from ..errors import InvalidInputError, SamplingStopped
from ..parameters import Param
from ..runs import Steps, Tau
from .base import RECIPES, Recipe
from .inputs import Job
from .pdgrad import PDGradRecipe

_LACKING = "enlarges nothing, so it takes neither scale nor fit"

NEVER = "never"
"""The fit of a contraction towards y itself: no network is fitted."""

FIT_SEEDS: int = 0x5EED_0000_0000
"""Added to an image's seed, so that its networks' weights are not its noise."""

Scale = Annotated[
    int,
    Param(
        step=1, lacking=_LACKING,
        tooltip="How many times smaller than the face the photo's own pixels are.",
    ),
]  # fmt: skip
Fit = Annotated[
    str,
    Param(
        choices=(*FIT_TIMES, NEVER), lacking=_LACKING,
        tooltip="Fit the networks before or along the sampling, or never: then the photo itself, "
        "enlarged bicubically, takes the fitted enlargement's place.",
    ),
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Enlarging(Recipe):
    """A recipe whose own contraction keeps the low frequencies of a fitted enlargement.

    Source: DifBFSR eq. 2 to 5. Where no other restorer is at hand, the enlargement is y_c.

    Attributes:
        scale: How many times smaller than the face y is.
        fit: When the networks are fitted, "before" sampling or "along" it; or "never", for the
            contraction towards y, enlarged bicubically.
        iterations: Updates of the networks, where they are fitted before.
        until: The filter rests below this timestep.
    """

    scale: Scale = 4
    fit: Fit = "before"
    iterations: Iterations = 100
    until: Until = 150

    def contractions(self, job: Job) -> Sequence[Contraction]:
        """Return the contraction towards each face's own enlargement, fitted if it is to be now.

        Raises:
            InvalidInputError: The scale does not divide the faces' sides, or leaves too little.
            SamplingStopped: The watch said so.
        """
        self._check_scale(*job.degraded.shape[-2:])
        if self.fit == NEVER:
            return (LowPass(job.degraded, factor=float(self.scale), until=self.until),)

        def stop_if_asked(_done: int, _total: int) -> None:
            if job.watch.should_stop is not None and job.watch.should_stop():
                raise SamplingStopped(
                    "The restoration was stopped while its enlargement was fitted."
                )

        options: dict[str, Any] = {
            name: getattr(self, name) for name in ("scale", "fit", "iterations", "until")
        }
        generators = per_image_generators([FIT_SEEDS + seed for seed in job.seeds])
        small = low_resolution(job.degraded, self.scale)
        contraction = DifBFSR(small, generators=generators, **options)
        contraction.prepare(stop_if_asked)
        return (contraction,)

    def _check_scale(self, height: int, width: int) -> None:
        from ..pictures.decoding import MIN_SIDE_PX

        scale = self.scale
        fits = scale >= 1 and not height % scale and not width % scale
        if not fits or min(height, width) // scale < MIN_SIDE_PX:
            raise InvalidInputError(
                f"The scale must divide the face's {width}x{height} pixels and leave at least "
                f"{MIN_SIDE_PX}, not {scale}."
            )

    def coarse(self, job: Job, own: Sequence[Contraction]) -> tuple[Tensor, Tensor | StepImage]:
        """Return the enlargement where there is no other restorer; see `Recipe`."""
        restorer = job.models.restorer
        if restorer is not None and restorer.name != "none":
            return super().coarse(job, own)
        enlarged = job.degraded if self.fit == NEVER else own[0].prepare()
        assert enlarged is not None
        return enlarged, enlarged


@dataclass(frozen=True, kw_only=True)
class DifBFSRRecipe(Enlarging):
    """DifBFSR: neither a restorer nor a reference is needed."""

    tau: Tau = 500
    steps: Steps = 50

    from_noise: ClassVar[bool] = True

    @property
    def restorer(self) -> str:
        """None is needed; see `Recipe`."""
        return "none"


@dataclass(frozen=True, kw_only=True)
class DifBFSRPDGradRecipe(Enlarging, PDGradRecipe):
    """DifBFSR's contraction and PDGrad's guidance together."""


for _row in (
    DifBFSRRecipe(
        name="difbfsr",
        title="DifBFSR: contraction towards an enlargement fitted to the photo alone",
    ),
    DifBFSRPDGradRecipe(
        name="difbfsr+pdgrad", title="DifBFSR's contraction and PDGrad's guidance together"
    ),
):
    RECIPES.add(_row.name, _row)

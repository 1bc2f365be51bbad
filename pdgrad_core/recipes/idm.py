"""IDM alone, and with PDGrad's gradients during its few steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..contractions import Contraction
from ..diffusion.prior import Prior
from ..diffusion.priors.idm import IDMPrior
from ..diffusion.sampler import StepImage
from ..errors import InvalidInputError
from ..restorers.idm import STEPS, IDMRestorer
from ..runs import Steps, Strength, Tau
from .base import RECIPES, Recipe
from .inputs import Job
from .pdgrad import PDGradRecipe


@dataclass(frozen=True, kw_only=True)
class IDMRecipe(Recipe):
    """IDM and nothing else: ten steps from noise, told the degraded face.

    A restorer that the models bring plays no part; see `IDMPDGradRecipe` for one that does.

    Source: IDM section 3.2, eq. 8.
    """

    tau: Tau = 1000
    steps: Steps = STEPS

    from_noise: ClassVar[bool] = True

    @property
    def prior_kind(self) -> str:
        """IDM; see `Recipe`."""
        return "idm"

    @property
    def restorer(self) -> str:
        """None; see `Recipe`."""
        return "none"

    def coarse(self, job: Job, own: Sequence[Contraction]) -> tuple[Tensor, Tensor | StepImage]:  # noqa: ARG002
        """Return y itself; see `Recipe`.

        Raises:
            InvalidInputError: Neither the restorer nor the prior is an IDM.
        """
        conditional_prior(job)  # before the work
        return job.degraded, job.degraded

    def prior(self, job: Job) -> Prior:
        """Return IDM, told of y; see `Recipe`."""
        return conditional_prior(job).conditioned_on(job.degraded)


@dataclass(frozen=True, kw_only=True)
class IDMPDGradRecipe(IDMRecipe, PDGradRecipe):
    """PDGrad's objective, sampled with IDM from noise: ten steps.

    y_c comes from the restorer as in PDGrad. Where that is IDM itself, it takes its own steps
    first; with an IDM as prior, y_c may come from any other restorer.

    Source: IDM eq. 8 and PDGrad's guidance; the combination is ours, in no paper.
    """

    # A dynamic strength is a share of each step, and ten steps are long ones: 0.05 leaves blotches.
    strength: Strength = 0.02

    without_reference: ClassVar[str] = "idm"

    @property
    def restorer(self) -> str:
        """IDM, from the same file as what is sampled; see `Recipe`."""
        return "idm"

    def restorer_with(self, own: bool) -> str:  # noqa: ARG002
        """Return IDM, which a set's own restorer cannot stand in for; see `Recipe`."""
        return self.restorer

    def coarse(self, job: Job, own: Sequence[Contraction]) -> tuple[Tensor, Tensor | StepImage]:
        """Return y_c; see `Recipe`.

        Raises:
            InvalidInputError: Neither the restorer nor the prior is an IDM.
        """
        conditional_prior(job)  # before the work
        return PDGradRecipe.coarse(self, job, own)


def conditional_prior(job: Job) -> IDMPrior:
    """Return the IDM of a job: its prior, or its restorer's.

    Raises:
        InvalidInputError: There is none.
    """
    prior, restorer = job.models.prior, job.models.restorer
    if isinstance(prior, IDMPrior):
        return prior
    if isinstance(restorer, IDMRestorer):
        return restorer.prior
    raise InvalidInputError(
        "This recipe samples an IDM, and neither the restorer nor the prior is one; load the "
        "models with the prior 'idm'."
    )


RECIPES.add(
    "idm",
    IDMRecipe(name="idm", title="IDM alone: ten steps from the degraded face, no reference"),
)
RECIPES.add(
    "idm+pdgrad",
    IDMPDGradRecipe(
        name="idm+pdgrad", title="IDM's ten steps under PDGrad's guidance, for a quick face"
    ),
)

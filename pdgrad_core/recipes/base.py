"""What a recipe is: six hooks and the numbers it runs with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from torch import Tensor
from typing_extensions import Self

from ..contractions import Contraction
from ..diffusion.prior import Prior
from ..diffusion.sampler import StepImage
from ..diffusion.schedule import Schedule
from ..errors import InvalidInputError
from ..guidance.references import ReferenceChoice
from ..guidance.targets import Restored
from ..guidance.terms import Expression
from ..parameters import Param, Parameter, check_parameters, parameters_at
from ..registry import Registry
from ..runs import Process
from .inputs import GuideImages, Job

RECIPES: "Registry[Recipe]" = Registry("recipe")
"""The recipes by name."""

DEFAULT_RECIPE = "likeness"
"""What a photo is restored by where nobody chose; docs/evidence_photos.md says why."""

MaskUse = Literal["none", "optional", "needed"]

Reference = Annotated[
    ReferenceChoice,
    Param(
        choices=("mean", "nearest"),
        tooltip="Several references: the mean of their losses, or the nearest in identity.",
    ),
]
KeepGrey = Annotated[
    bool,
    Param(
        tooltip="A grey face stays grey, where the recipe is not for giving colours; switched off, "
        "it gets the colours that the networks imagine."
    ),
]


@dataclass(frozen=True, kw_only=True)
class Recipe(Process):
    """One way to restore a face: what the pipeline asks of it, and its default numbers.

    A recipe is a row of its class: `RECIPES.add(row.name, row)`. Annotated fields are what a user
    may choose; the command line's options and their help come from them.

    Attributes:
        name: Key in `RECIPES`.
        title: What it is, in a few words.
        references: With several references, whether their losses are averaged, or the nearest in
            identity is taken.
        keep_grey: Whether a grey face stays grey; a recipe that takes a colour style ignores it.
        from_noise: Whether, at tau = 1000, it starts from noise alone.
        without_reference: The recipe to use where there is no reference.
        samples: Whether it samples at all; y_c is the result of one that does not.
    """

    name: str = ""
    title: str = ""
    references: Reference = "mean"
    keep_grey: KeepGrey = True

    from_noise: ClassVar[bool] = False
    without_reference: ClassVar[str] = "a5"
    samples: ClassVar[bool] = True

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the feature networks its losses look through."""
        return ()

    @property
    def restorer(self) -> str | None:
        """Key in `RESTORERS`; None for the set of models' own, "none" where it needs no y_c."""
        return None

    @property
    def prior_kind(self) -> str | None:
        """Key in `PRIORS` of what it samples; None for the set of models' own."""
        return None

    @property
    def all_networks(self) -> tuple[str, ...]:
        """Names of the feature networks to load: choosing the nearest reference takes ArcFace."""
        more = ("arcface",) if self.references == "nearest" else ()
        return tuple(dict.fromkeys((*self.networks, *more)))

    def restorer_with(self, own: bool) -> str | None:
        """Return the restorer to load; a set of models that has its `own` keeps it.

        None is the set's own.
        """
        return None if own and self.restorer != "none" else self.restorer

    @property
    def needs_reference(self) -> bool:
        """Whether it cannot do without a reference photo."""
        return False

    @property
    def mask(self) -> MaskUse:
        """Whether it takes a mask of missing pixels, and can do without one."""
        return "none"

    @property
    def keeps_known(self) -> bool:
        """Whether the pixels that its mask leaves are the photo's own in the result."""
        return False

    @property
    def takes_style(self) -> bool:
        """Whether it gives colours, whose style may be chosen."""
        return False

    def prior(self, job: Job) -> Prior:
        """Return what is sampled: the models' prior, told of y where it wants to know."""
        return job.models.prior.conditioned_on(job.degraded)

    def contractions(self, job: Job) -> Sequence[Contraction]:  # noqa: ARG002
        """Return the recipe's own filters on x0hat, prepared."""
        return ()

    def coarse(self, job: Job, own: Sequence[Contraction]) -> tuple[Tensor, Tensor | StepImage]:  # noqa: ARG002
        """Return y_c to start from, and what guidance looks at: y_c, or f(y, x_t, t).

        Args:
            job: The faces and the models.
            own: What `contractions` returned.

        Raises:
            InvalidInputError: There is no restorer, and the recipe needs y_c.
        """
        restorer, degraded = job.models.restorer, job.degraded
        if restorer is None:
            if self.restorer != "none":
                raise InvalidInputError("A restoration needs a restorer; load the models with one.")
            return degraded, degraded
        if restorer.depends_on_x_t:
            last = job.models.prior.schedule.num_train_timesteps - 1
            return restorer(degraded, job.noise(), last), Restored(restorer, degraded)
        if restorer.samples:
            coarse = restorer(degraded, noise=job.noise, watch=job.watch)
        else:
            coarse = restorer(degraded)
        return coarse, coarse

    def holding(self, images: GuideImages) -> Sequence[Contraction]:  # noqa: ARG002
        """Return filters on x0hat that look at y_c; they come after `contractions`."""
        return ()

    def start(self, job: Job, coarse: Tensor) -> Tensor | None:
        """Return the image that is noised up to tau, or None to start from noise alone."""
        last = job.models.prior.schedule.num_train_timesteps
        return None if self.from_noise and self.tau == last else coarse

    def guidance(self, images: GuideImages) -> Expression | None:  # noqa: ARG002
        """Return what guides, or None for unguided sampling."""
        return None

    def parameters(self) -> list[Parameter]:
        """Return what a user may choose, with this recipe's values as defaults."""
        return parameters_at(self)

    def values(self) -> dict[str, Any]:
        """Return the value of every parameter."""
        return {one.name: one.default for one in self.parameters()}

    def configured(self, values: Mapping[str, Any]) -> Self:
        """Return the recipe with some of its parameters changed.

        Args:
            values: By name.

        Raises:
            InvalidInputError: The recipe has no such parameter, or a value is out of its range.
            UnknownNameError: There is no member of the name chosen.
        """
        known = self.values()
        for name in values:
            if name not in known:
                raise lacking(self, name)
        own = {name: value for name, value in values.items() if name not in _SHARED}
        check_parameters(type(self), own)
        changed = replace(self, **values)
        if "steps" in values and changed.respacing:
            Schedule.linear().plan(changed.tau, changed.steps, changed.respacing)
        if "tau" in values and "steps" not in values:
            # The recipe's own step count may not fit below a smaller tau.
            changed = replace(changed, steps=min(changed.steps, max(changed.tau, 1)))
        return changed


_SHARED = frozenset(Process.__dataclass_fields__)
"""What every process has is checked where it is used: `Process.sampler`."""


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        UnknownNameError: There is none of this name; the error suggests near ones.
    """
    return RECIPES[name]


def lacking(row: Recipe, name: str) -> InvalidInputError:
    """Return the error for a parameter that a recipe does not have: what it lacks, who has it."""
    having = [one for one in RECIPES.members.values() if name in one.values()]
    if not having:
        return InvalidInputError(
            f"No recipe has a parameter {name!r}; {row.name!r} has {', '.join(row.values())}."
        )
    param = next(p.param for p in having[0].parameters() if p.name == name)
    why = param.lacking or "has no use for it"
    return InvalidInputError(
        f"The recipe {row.name!r} {why}; leave {name} out, or use "
        f"{alternatives([one.name for one in having])}."
    )


def alternatives(names: Sequence[str]) -> str:
    """Return names as alternatives, at most three: 'a', 'b' or 'c'."""
    quoted = [repr(name) for name in names[:3]]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]

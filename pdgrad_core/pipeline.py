"""The whole data flow on aligned faces: coarse restoration, guidance, sampling."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from .contractions.difbfsr import DifBFSR
from .difbfsr import fitted_contraction
from .diffusion.ddpm import DDIM, DDPM, Stepper
from .diffusion.noise import PerImageNoise, per_image_generators
from .diffusion.prior import DiffusionPrior
from .diffusion.sampler import ContractionFn, Record, Sampler, StepContext, StepState
from .errors import InvalidInputError
from .features.arcface import ArcFace
from .guidance.gradients import CompiledGuidance, compile_guidance
from .guidance.references import ReferenceChoice, nearest_reference
from .guidance.strength import Scope, make_strength
from .guidance.terms import MovingTarget
from .losses.color_statistics import CELEBA_HQ
from .masks import check_mask
from .models.sets import ModelSet
from .recipe_base import GuideImages, Hints, Recipe, check_guide_images
from .recipes import recipe, with_combiner, with_weights
from .registry import unknown_name

STEPPERS: dict[str, Callable[[float], Stepper]] = {"ddpm": lambda _eta: DDPM(), "ddim": DDIM}
"""The steppers by name; each takes eta, which DDPM ignores."""


_FILLED = (
    "tau",
    "strength",
    "strength_mode",
    "strength_scope",
    "gradient_steps",
    "gradient_window",
)
"""Settings that the recipe fills in."""


@dataclass(frozen=True)
class Settings:
    """What a user may choose; None takes the recipe's own value.

    Attributes:
        recipe: Key in `RECIPES`.
        tau: Where the reverse process starts, 1..1000: more is freer from the coarse image.
        steps: Steps executed below tau.
        respacing: A respacing string instead of `steps`.
        strength: s, 0 or more.
        strength_mode: "constant" or "dynamic".
        strength_scope: Whether a dynamic strength is set for the "image" or for each "channel".
        combiner: Another surgery for a PDGrad recipe; one between a PGDiff task's properties.
        weights: Other weights for a PGDiff task's properties, by name.
        references: With several references, average their losses or take the nearest in identity.
        stepper: "ddpm" or "ddim".
        eta: DDIM's stochasticity, 0..1.
        gradient_steps: N.
        gradient_window: (S_end, S_start).
        scale: How many times smaller than the face DifBFSR takes the photo's own pixels to be.
        fit: When DifBFSR's networks are fitted, "before" sampling or "along" it.
        seed: Seed of the first image; the next images take the next numbers.
    """

    recipe: str = "pdgrad"
    tau: int | None = None
    steps: int | None = None
    respacing: str | None = None
    strength: float | None = None
    strength_mode: Literal["constant", "dynamic"] | None = None
    strength_scope: Scope | None = None
    combiner: str | None = None
    weights: Mapping[str, float] | None = None
    references: ReferenceChoice = "mean"
    stepper: Literal["ddpm", "ddim"] = "ddpm"
    eta: float = 0.0
    gradient_steps: int | None = None
    gradient_window: tuple[int, int] | None = None
    scale: int | None = None
    fit: Literal["before", "along"] | None = None
    seed: int = 0

    def resolved(self) -> "tuple[Settings, Recipe]":
        """Return the settings with the recipe's values filled in, and the recipe.

        Raises:
            InvalidInputError: A value is of no use; UnknownNameError, a name is not known.
        """
        row = with_weights(recipe(self.recipe), self.weights or {})
        if self.combiner is not None:
            row = with_combiner(row, self.combiner)
        if self.references not in ("mean", "nearest"):
            raise InvalidInputError(
                f'Several references are combined by "mean" or "nearest", not {self.references!r}.'
            )
        if row.contraction is None and (self.scale, self.fit) != (None, None):
            raise InvalidInputError(
                f"The recipe {row.name!r} enlarges nothing, so it takes neither scale nor fit; "
                "leave them out, or use 'difbfsr' or 'difbfsr+pdgrad'."
            )
        filled = {name: getattr(row, name) for name in _FILLED if getattr(self, name) is None}
        if self.steps is None and not self.respacing:
            tau = self.tau if self.tau is not None else row.tau
            # A recipe's step count may not fit below a smaller tau.
            filled["steps"] = min(row.steps, max(tau, 1))
        return replace(self, **filled), row


@dataclass(frozen=True)
class Restoration:
    """A finished restoration of aligned faces.

    Attributes:
        image: The result, `(B, 3, H, W)` in [-1, 1].
        coarse: y_c, the same shape; for a restorer that depends on x_t, its first answer.
        trace: One row per step; see `SampleResult`.
        settings: The settings with every value filled in.
        seconds: Time of "coarse" (DifBFSR's fit before sampling included), "prepare", "sampling".
        fit_losses: Each image's loss curve of DifBFSR's networks; empty for other recipes.
    """

    image: Tensor
    coarse: Tensor
    trace: list[Record]
    settings: Settings
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    fit_losses: list[list[float]] = field(default_factory=list[list[float]])


def restore_faces(
    degraded: Tensor,
    references: Sequence[Tensor],
    models: ModelSet,
    settings: Settings | None = None,
    *,
    hints: Hints | None = None,
    contractions: Sequence[ContractionFn] = (),
    on_step: Callable[[StepState], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Restoration:
    """Restore aligned faces, guided by reference photos of the same people.

    Source: PDGrad: y_c = f(y); x_tau from y_c; guided reverse steps.

    Args:
        degraded: y, aligned faces `(B, 3, H, W)` in [-1, 1], of a size that the models take.
        references: y_r, aligned faces of the same people, each `(B or 1, 3, H, W)`.
        models: Prior, feature networks and restorer, on one device.
        settings: What to do; PDGrad by default.
        hints: A mask or a colour style, for the recipes that take one.
        contractions: Filters on x0hat.
        on_step: Called after each step.
        should_stop: Asked before each step.

    Raises:
        InvalidInputError: Images, sizes, references, hints or settings do not fit.
        NonFiniteGradientError: The guidance met NaN or infinite values.
        SamplingStopped: `should_stop` said so.
    """
    (settings, row), hints = (settings or Settings()).resolved(), hints or Hints()
    models.prior.check_size(*degraded.shape[-2:])
    check_guide_images(row, degraded, references, hints)
    sampler = plan_sampler(settings, models.prior)
    device = next(models.prior.network.parameters()).device
    degraded = degraded.to(device)
    seeds = [settings.seed + i for i in range(len(degraded))]
    noise, clock = PerImageNoise(per_image_generators(seeds), degraded.shape[1:], device), _Clock()
    own = fitted_contraction(row.contraction, degraded, seeds, settings, should_stop)
    coarse, target = _coarse(degraded, row, own, models, noise)
    clock.lap("coarse")
    images = _guide_images(degraded, coarse, target, references, hints, settings, models)
    filters = [*contractions, own] if own else contractions
    sampler = replace(sampler, guidance=_guidance(row, images, models), contractions=filters)
    start = _start(sampler, row, settings, coarse, noise)
    clock.lap("prepare")
    result = sampler.run(start, noise, on_step, should_stop)
    clock.lap("sampling")
    image, fit = result.image.clamp(-1, 1), own.losses if own else []
    return Restoration(image, coarse, result.trace, settings, clock.seconds, fit)


def plan_sampler(settings: Settings, prior: DiffusionPrior) -> Sampler:
    """Return the configured reverse process, without its guidance.

    Wrong numbers are refused here, before any work.

    Args:
        settings: Filled in, see `Settings.resolved`.
        prior: The prior to sample.

    Raises:
        InvalidInputError: A number is out of its range; UnknownNameError, a name is not known.
    """
    assert settings.strength is not None and settings.strength_mode is not None
    assert settings.gradient_steps is not None and settings.gradient_window is not None
    assert settings.strength_scope is not None
    return Sampler(
        prior=prior,
        schedule=prior.schedule.plan(settings.tau, settings.steps, settings.respacing),
        strength=make_strength(settings.strength_mode, settings.strength, settings.strength_scope),
        stepper=make_stepper(settings),
        gradient_steps=settings.gradient_steps,
        gradient_window=settings.gradient_window,
    )


def _start(
    sampler: Sampler, row: Recipe, settings: Settings, coarse: Tensor, noise: PerImageNoise
) -> Tensor:
    """Return x_tau: the noised coarse image, or noise alone for the recipes that begin at T."""
    if row.from_noise and settings.tau == sampler.prior.schedule.num_train_timesteps:
        return noise()
    return sampler.start_from(coarse, noise)


def make_stepper(settings: Settings) -> Stepper:
    """Return the stepper of the settings.

    Raises:
        UnknownNameError: There is no such stepper.
        InvalidInputError: eta is not in 0..1.
    """
    if settings.stepper not in STEPPERS:
        raise unknown_name("stepper", settings.stepper, list(STEPPERS))
    return STEPPERS[settings.stepper](settings.eta)


def _coarse(
    degraded: Tensor, row: Recipe, own: DifBFSR | None, models: ModelSet, noise: PerImageNoise
) -> tuple[Tensor, Tensor | MovingTarget]:
    """Return y_c to start from, and what guidance looks at: y_c, or f(y, x_t, t) at each step."""
    restorer = models.restorer
    if own is not None and (restorer is None or restorer.name == "none"):
        return own.prepare(), own.prepare()
    if restorer is None and row.restorer == "none":
        return degraded, degraded
    if restorer is None:
        raise InvalidInputError("A restoration needs a restorer; load the models with one.")
    if not restorer.depends_on_x_t:
        coarse = restorer(degraded)
        return coarse, coarse
    last = models.prior.schedule.num_train_timesteps - 1
    coarse = restorer(degraded, noise(), last)

    def moving(context: StepContext) -> Tensor:
        return restorer(degraded, context.x_t, context.t)

    return coarse, moving


def _guide_images(
    degraded: Tensor,
    coarse: Tensor,
    target: Tensor | MovingTarget,
    references: Sequence[Tensor],
    hints: Hints,
    settings: Settings,
    models: ModelSet,
) -> GuideImages:
    """Return what the recipe looks at, all on the faces' device."""
    references = [reference.to(degraded) for reference in references]
    if settings.references == "nearest" and len(references) > 1:
        arcface = models.features.get("arcface")
        if not isinstance(arcface, ArcFace):
            raise InvalidInputError("Choosing the nearest reference needs ArcFace; load it too.")
        references = [nearest_reference(references, coarse, arcface)]
    mask = None if hints.mask is None else check_mask(hints.mask, *degraded.shape[-2:])
    return GuideImages(
        degraded,
        target,
        tuple(references),
        None if mask is None else mask.to(degraded.device),
        hints.style or CELEBA_HQ,
    )


def _guidance(row: Recipe, images: GuideImages, models: ModelSet) -> CompiledGuidance | None:
    if row.build is None:
        return None
    return compile_guidance(row.build(images), models.features)


class _Clock:
    """Wall-clock laps; waits for the GPU so that a lap holds its own work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now

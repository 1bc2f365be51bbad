"""The whole data flow on aligned faces: coarse restoration, guidance, sampling."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from .diffusion.ddpm import DDIM, DDPM, Stepper
from .diffusion.noise import PerImageNoise, per_image_generators
from .diffusion.sampler import ContractionFn, Record, Sampler, StepContext, StepState
from .errors import InvalidInputError
from .features.arcface import ArcFace
from .guidance.gradients import CompiledGuidance, compile_guidance
from .guidance.references import ReferenceChoice, nearest_reference
from .guidance.strength import STRENGTHS
from .guidance.terms import MovingTarget
from .images import check_image
from .model_sets import ModelSet
from .recipes import GuideImages, Recipe, recipe, with_combiner
from .registry import unknown_name

STEPPERS: dict[str, Callable[[float], Stepper]] = {"ddpm": lambda _eta: DDPM(), "ddim": DDIM}
"""The steppers by name; each takes eta, which DDPM ignores."""


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
        combiner: Another surgery method for a PDGrad recipe.
        references: With several references, average their losses or take the nearest in identity.
        stepper: "ddpm" or "ddim".
        eta: DDIM's stochasticity, 0..1.
        gradient_steps: N.
        gradient_window: (S_end, S_start).
        seed: Seed of the first image; the next images take the next numbers.
    """

    recipe: str = "pdgrad"
    tau: int | None = None
    steps: int | None = None
    respacing: str | None = None
    strength: float | None = None
    strength_mode: Literal["constant", "dynamic"] | None = None
    combiner: str | None = None
    references: ReferenceChoice = "mean"
    stepper: Literal["ddpm", "ddim"] = "ddpm"
    eta: float = 0.0
    gradient_steps: int | None = None
    gradient_window: tuple[int, int] | None = None
    seed: int = 0

    def resolved(self) -> "tuple[Settings, Recipe]":
        """Return the settings with the recipe's values filled in, and the recipe.

        Raises:
            InvalidInputError: A value is of no use; UnknownNameError, a name is not known.
        """
        row = recipe(self.recipe)
        if self.combiner is not None:
            row = with_combiner(row, self.combiner)
        if self.references not in ("mean", "nearest"):
            raise InvalidInputError(
                f'Several references are combined by "mean" or "nearest", not {self.references!r}.'
            )
        if self.stepper not in STEPPERS:
            raise unknown_name("stepper", self.stepper, list(STEPPERS))
        names = ("tau", "strength", "strength_mode", "gradient_steps", "gradient_window")
        filled = {name: getattr(row, name) for name in names if getattr(self, name) is None}
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
        seconds: Time of "coarse", "prepare" and "sampling".
    """

    image: Tensor
    coarse: Tensor
    trace: list[Record]
    settings: Settings
    seconds: dict[str, float] = field(default_factory=dict[str, float])


def restore_faces(
    degraded: Tensor,
    references: Sequence[Tensor],
    models: ModelSet,
    settings: Settings | None = None,
    *,
    contractions: Sequence[ContractionFn] = (),
    on_step: Callable[[StepState], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Restoration:
    """Restore aligned faces, guided by reference photos of the same people.

    Source: PDGrad, the whole method: y_c = f(y); x_tau from y_c; guided reverse steps.

    Args:
        degraded: y, aligned faces `(B, 3, H, W)` in [-1, 1], of a size that prior and restorer
            take.
        references: y_r, aligned faces of the same people, each `(B or 1, 3, H, W)`.
        models: Prior, feature networks and restorer, on one device.
        settings: What to do; PDGrad by default.
        contractions: Filters on x0hat.
        on_step: Called after each step.
        should_stop: Asked before each step.

    Raises:
        InvalidInputError: Images, sizes, references or settings do not fit.
        NonFiniteGradientError: The guidance met NaN or infinite values.
        SamplingStopped: `should_stop` said so.
    """
    settings, row = (settings or Settings()).resolved()
    _check_images(degraded, references, models, row)
    sampler_settings = _sampler_without_guidance(settings, models)
    device = next(models.prior.network.parameters()).device
    degraded = degraded.to(device)
    references = [reference.to(device) for reference in references]
    noise = PerImageNoise(
        per_image_generators([settings.seed + i for i in range(len(degraded))]),
        degraded.shape[1:],
        device,
    )
    clock = _Clock()
    coarse, target = _coarse(degraded, models, noise)
    clock.lap("coarse")
    if settings.references == "nearest" and len(references) > 1:
        arcface = models.features["arcface"]
        assert isinstance(arcface, ArcFace)
        references = [nearest_reference(references, coarse, arcface)]
    guidance = _guidance(row, GuideImages(degraded, target, tuple(references)), models)
    assert settings.strength is not None and settings.strength_mode is not None
    sampler = replace(
        sampler_settings,
        guidance=guidance,
        strength=STRENGTHS[settings.strength_mode](settings.strength),
        contractions=contractions,
    )
    start = sampler.start_from(coarse, noise)
    clock.lap("prepare")
    result = sampler.run(start, noise, on_step, should_stop)
    clock.lap("sampling")
    return Restoration(result.image.clamp(-1, 1), coarse, result.trace, settings, clock.seconds)


def _sampler_without_guidance(settings: Settings, models: ModelSet) -> Sampler:
    """Return the configured reverse process; wrong numbers are refused here, before any work."""
    assert settings.strength is not None and settings.strength_mode is not None
    if settings.strength_mode not in STRENGTHS:
        raise unknown_name("strength mode", settings.strength_mode, STRENGTHS.names())
    STRENGTHS[settings.strength_mode](settings.strength)
    assert settings.gradient_steps is not None and settings.gradient_window is not None
    return Sampler(
        prior=models.prior,
        schedule=models.prior.schedule.plan(settings.tau, settings.steps, settings.respacing),
        stepper=STEPPERS[settings.stepper](settings.eta),
        gradient_steps=settings.gradient_steps,
        gradient_window=settings.gradient_window,
    )


def _coarse(
    degraded: Tensor, models: ModelSet, noise: PerImageNoise
) -> tuple[Tensor, Tensor | MovingTarget]:
    """Return y_c to start from, and what guidance looks at: y_c, or f(y, x_t, t) at each step."""
    restorer = models.restorer
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


def _guidance(row: Recipe, images: GuideImages, models: ModelSet) -> CompiledGuidance | None:
    if row.build is None:
        return None
    return compile_guidance(row.build(images), models.features)


def _check_images(
    degraded: Tensor, references: Sequence[Tensor], models: ModelSet, row: Recipe
) -> None:
    check_image(degraded, "The degraded face")
    models.prior.check_size(*degraded.shape[-2:])
    if row.needs_reference and not references:
        raise InvalidInputError(
            f"The recipe {row.name!r} is guided by a reference photo of the same person; give at "
            "least one, or use the recipe 'a5', which needs none."
        )
    for reference in references:
        check_image(reference, "A reference")
        if reference.shape[0] not in (1, degraded.shape[0]):
            raise InvalidInputError(
                f"A reference must be one image or as many as the {degraded.shape[0]} degraded "
                f"ones, not {reference.shape[0]}."
            )
        if reference.shape[-2:] != degraded.shape[-2:]:
            raise InvalidInputError(
                f"A reference must be aligned to the degraded face's size "
                f"{degraded.shape[-1]}x{degraded.shape[-2]}, "
                f"not {reference.shape[-1]}x{reference.shape[-2]}."
            )


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

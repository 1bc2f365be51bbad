"""The whole data flow on aligned faces: coarse restoration, guidance, sampling."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .diffusion.noise import PerImageNoise, per_image_generators
from .diffusion.sampler import ContractionFn, SampleResult, StepImage, StepState, Watch
from .errors import InvalidInputError
from .features.arcface import ArcFace
from .guidance.references import nearest_reference
from .images import is_grey, without_colour
from .losses.color_statistics import CELEBA_HQ
from .masks import check_mask, with_known_pixels
from .models.sets import ModelSet
from .recipes import GuideImages, Hints, Job, Recipe, check_guide_images
from .restoration import Restoration
from .runs import prepare_run
from .settings import Settings
from .stopwatch import Stopwatch
from .true_float32 import true_float32

__all__ = ["Restoration", "Settings", "restore_faces"]


@true_float32()
def restore_faces(
    degraded: Tensor,
    references: Sequence[Tensor],
    models: ModelSet,
    settings: Settings | None = None,
    *,
    hints: Hints | None = None,
    contractions: Sequence[ContractionFn] = (),
    seeds: Sequence[int] | None = None,
    on_step: Callable[[StepState], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Restoration:
    """Restore aligned faces: y_c = f(y); x_tau from y_c; reverse steps, guided by references.

    Args:
        degraded: y, aligned faces `(B, 3, H, W)` in [-1, 1] of a size that the models take, any
            floating dtype; the results are float32 (float64 where the prior is).
        references: y_r, aligned faces of the same people, each `(B or 1, 3, H, W)`.
        models: Prior, feature networks and restorer, on one device.
        settings: The recipe, its parameters and the seed.
        hints: A mask or a colour style, for the recipes that take one; the references' weights.
        contractions: Filters on x0hat, before the recipe's own.
        seeds: One per face, instead of the settings' seed and the next numbers.
        on_step: Called after each step.
        should_stop: Asked before each step.

    Raises:
        InvalidInputError: Images, sizes, references, hints, seeds or settings do not fit.
        NonFiniteError: A network, the guidance or a step gave NaN or infinite values.
        SamplingStopped: `should_stop` said so.
    """
    settings, hints = settings or Settings(), hints or Hints()
    recipe = settings.resolved()
    models.prior.check_size(*degraded.shape[-2:])
    check_guide_images(recipe, degraded, references, hints)
    recipe.sampler(models.prior)  # refuses wrong numbers before any work
    clock = Stopwatch()
    job = _job(degraded, models, seeds or settings.seed, Watch(on_step, should_stop))
    own = recipe.contractions(job)
    coarse, target = recipe.coarse(job, own)
    clock.lap("coarse")
    images = _guide_images(job, recipe, coarse, target, references, hints)
    run = _prepared(job, recipe, images, coarse, [*contractions, *own, *recipe.holding(images)])
    clock.lap("prepare")
    result = run(on_step, should_stop)
    image = _finished(recipe, images, result.image)
    clock.lap("sampling")
    fits = [curve for contraction in own for curve in contraction.losses]
    told = clock.seconds, fits, result.notes
    return Restoration(image, coarse, result.trace, recipe, settings.seed, *told)


def _prepared(
    job: Job,
    recipe: Recipe,
    images: GuideImages,
    coarse: Tensor,
    contractions: Sequence[ContractionFn],
) -> Callable[..., SampleResult]:
    """Return what samples; of a recipe that does not, what answers with y_c."""
    if not recipe.samples:
        return lambda *_: SampleResult(coarse, [])
    return prepare_run(
        recipe,
        recipe.prior(job),
        job.noise,
        recipe.start(job, coarse),
        guidance=recipe.guidance(images),
        networks=job.models.features,
        contractions=contractions,
    )


def _finished(recipe: Recipe, images: GuideImages, sampled: Tensor) -> Tensor:
    """Return the result: what was sampled, with y's grey and known pixels where they are kept."""
    image = _in_colour(sampled.clamp(-1, 1), images.degraded, recipe)
    if images.mask is None or not recipe.keeps_known:
        return image
    return with_known_pixels(image, images.degraded, images.mask)


def _in_colour(image: Tensor, degraded: Tensor, recipe: Recipe) -> Tensor:
    """Return the results, without colour where the faces had none and were to get none."""
    if not recipe.keep_grey or recipe.takes_style:
        return image
    grey = is_grey(degraded).to(image.device).view(-1, 1, 1, 1)
    return torch.where(grey, without_colour(image), image)


def _job(degraded: Tensor, models: ModelSet, seeds: Sequence[int] | int, watch: Watch) -> Job:
    """Return the faces on the models' device, with a seed and a noise source for each."""
    # Guidance, and the loop itself, compute in float32; in float64 where the prior does.
    exact = torch.float64 if models.prior.dtype == torch.float64 else torch.float32
    degraded = degraded.to(models.device, exact)
    if isinstance(seeds, int):
        seeds = range(seeds, seeds + len(degraded))
    if len(seeds) != len(degraded):
        raise InvalidInputError(f"Expected {len(degraded)} seeds, one per face, not {len(seeds)}.")
    noise = PerImageNoise(per_image_generators(seeds), degraded.shape[1:], degraded.device)
    return Job(degraded, models, seeds, noise, watch)


def _guide_images(
    job: Job,
    recipe: Recipe,
    coarse: Tensor,
    target: Tensor | StepImage,
    references: Sequence[Tensor],
    hints: Hints,
) -> GuideImages:
    """Return what the recipe looks at, all on the faces' device."""
    references, weights = [one.to(job.degraded) for one in references], hints.weights
    if recipe.references == "nearest" and len(references) > 1:
        arcface = job.models.features.get("arcface")
        if not isinstance(arcface, ArcFace):
            raise InvalidInputError("Choosing the nearest reference needs ArcFace; load it too.")
        references, weights = [nearest_reference(references, coarse, arcface, weights)], None
    mask = hints.mask
    if mask is not None:
        mask = check_mask(mask, *job.degraded.shape[-2:]).to(job.degraded.device)
    style = hints.style or CELEBA_HQ
    return GuideImages(job.degraded, target, tuple(references), mask, style, weights)

"""Faces restored each by its own person's references; strangers without any."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .diffusion.records import StepState
from .errors import InvalidInputError
from .models.sets import ModelSet
from .people.guides import Guide, stacked
from .pipeline import restore_faces
from .recipes import Hints, Recipe, recipe
from .restoration import Restoration
from .settings import Settings


def without_references(settings: Settings) -> Settings:
    """Return the settings by which faces are restored that have no reference.

    What the recipe without references has no use for is left out.
    """
    row = settings.resolved()
    if not row.needs_reference:
        return settings
    other = recipe(row.without_reference)
    known = other.values()
    given = {name: value for name, value in settings.values.items() if name in known}
    return Settings(other.name, seed=settings.seed, **given)


def runs_for(row: Recipe, guides: Sequence[Guide]) -> int:
    """Return how many runs faces take together: those without references have one of their own."""
    return len({guide.known for guide in guides}) if row.needs_reference else 1


def restore_matched(
    degraded: Tensor,
    guides: Sequence[Guide],
    models: ModelSet,
    settings: Settings,
    *,
    hints: Hints | None = None,
    seeds: Sequence[int] | None = None,
    on_step: Callable[[StepState], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Restoration:
    """Restore aligned faces, each guided by references of its own, or by none.

    Args:
        degraded: `(B, 3, S, S)` in [-1, 1].
        guides: One per face.
        models: With the networks that the recipe looks through.
        settings: Of the faces that have references; see `without_references` for the others.
        hints: Masks, a row per face, or a colour style.
        seeds: One per face, instead of the settings' seed and the next numbers.
        on_step: Called after each step; the steps of both runs count as one run's.
        should_stop: Asked before each step.

    Returns:
        The faces in their order. Recipe and trace are those of the faces with references, or of
        the others where no face has one.

    Raises:
        PDGradError: See `restore_faces`.
    """
    if len(guides) != len(degraded):
        raise InvalidInputError(f"Expected {len(degraded)} guides, one per face: {len(guides)}.")
    hints, row = hints or Hints(), settings.resolved()
    seeds = seeds or [settings.seed + number for number in range(len(degraded))]
    groups = _groups(row, guides, settings)
    done: list[tuple[list[int], Restoration]] = []
    for number, (faces, chosen) in enumerate(groups):
        references, weights = _references(chosen, [guides[face] for face in faces])
        found = restore_faces(
            degraded[faces],
            references,
            models,
            chosen,
            hints=replace(hints, mask=_rows(hints.mask, faces, len(degraded)), weights=weights),
            seeds=[seeds[face] for face in faces],
            on_step=_counted(on_step, number, len(groups)),
            should_stop=should_stop,
        )
        done.append((faces, found))
    return _merged(done)


def _groups(
    row: Recipe, guides: Sequence[Guide], settings: Settings
) -> list[tuple[list[int], Settings]]:
    if not row.needs_reference:
        return [(list(range(len(guides))), settings)]
    known = [face for face, guide in enumerate(guides) if guide.known]
    others = [face for face, guide in enumerate(guides) if not guide.known]
    groups = [(known, settings), (others, without_references(settings))]
    return [group for group in groups if group[0]]


def _references(settings: Settings, guides: Sequence[Guide]) -> tuple[list[Tensor], Tensor | None]:
    if not settings.resolved().needs_reference:
        return [], None
    return stacked(guides)


def _rows(mask: Tensor | None, faces: Sequence[int], count: int) -> Tensor | None:
    if mask is None or len(mask) != count:
        return mask
    return mask[list(faces)]


def _counted(
    on_step: Callable[[StepState], None] | None, number: int, runs: int
) -> Callable[[StepState], None] | None:
    """Return what tells of a run's steps as those of one of several runs."""
    if on_step is None or runs == 1:
        return on_step

    def tell(state: StepState) -> None:
        before = number * state.total
        on_step(replace(state, done=before + state.done, total=runs * state.total))

    return tell


def _merged(done: Sequence[tuple[list[int], Restoration]]) -> Restoration:
    first = done[0][1]
    if len(done) == 1:
        return first
    order = torch.tensor([face for faces, _ in done for face in faces]).argsort()
    seconds = dict(first.seconds)
    for _, found in done[1:]:
        for name, value in found.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + value
    image = torch.cat([found.image for _, found in done])
    coarse = torch.cat([found.coarse for _, found in done])
    order = order.to(image.device)
    notes = tuple(dict.fromkeys(note for _, found in done for note in found.notes))
    return replace(first, image=image[order], coarse=coarse[order], seconds=seconds, notes=notes)

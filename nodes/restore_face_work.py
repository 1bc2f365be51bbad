"""What Restore Face does: the photos' faces found, restored by portions, and laid back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..pdgrad_core.embedded import TAU
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.faces.examples import EXAMPLE_SIZES
from ..pdgrad_core.models.sets import DEMO
from ..pdgrad_core.photos import FacePaster, cut_masks, keep_known_pixels
from ..pdgrad_core.recipes import Hints, check_needs, recipe
from ..pdgrad_core.sequences import (
    BYTES_PER_PIXEL,
    NOISES,
    PhotoFaces,
    Portion,
    in_portions,
    join_traces,
    photo_seed,
    portions,
    what_was_found,
)
from ..pdgrad_core.settings import Settings
from .boundary import (
    StepReporter,
    from_host,
    load_networks,
    mask_from_host,
    run_in_memory,
    stop_if_interrupted,
    to_host,
)
from .frames import Frames, faces_that_fit
from .lists import separate_pictures
from .restore_face_finder import PhotoFinder
from .restore_face_inputs import BY_SIZE, OWN, PHOTO_MODELS
from .restore_face_models import LoadedSet, Wanted, load_set
from .restore_face_people import Matched, alike_traces
from .speed import NONE, check_speed_up, let_go, recording_of
from .weights import all_folders, lacking

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace
    from ..pdgrad_core.diffusion.sampler import Record
    from ..pdgrad_core.people import Guide
    from ..pdgrad_core.pipeline import Restoration
    from ..pdgrad_core.recipes import Recipe


LAST_TIMESTEP = 1000
"""A recipe that starts here begins with noise."""


@dataclass(frozen=True)
class Found:
    """A finished batch.

    Attributes:
        image: The host's, `(B, H, W, 3)`.
        coarse: Each portion's coarse faces, the host's.
        trace: Of all faces.
        said: What a batch of several is said to have been; empty for one photo.
        notes: A sentence for what was computed otherwise than asked.
    """

    image: Tensor
    coarse: list[Tensor]
    trace: list[Record]
    said: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceWork:
    """One restoration of a batch.

    Attributes:
        photos: The batch.
        values: The node's other inputs.
        node_id: Of the node, for progress.
    """

    photos: Frames
    values: dict[str, Any]
    node_id: str | None

    @property
    def settings(self) -> Settings:
        """What was chosen; 0 is the recipe's own number, or what suits the demo models."""
        given = {name: self.values[name] or None for name in ("steps", "tau", "strength")}
        row = recipe(self.values["recipe"])
        if given["tau"] is None and self._takes_demo() and row.samples:
            given["tau"] = _demo_tau(row, given["steps"] or row.steps)
        keep_grey = self.values.get("keep_grey", True)
        return Settings(row.name, seed=self.values["seed"], keep_grey=keep_grey, **given)

    def check(self) -> None:
        """Refuse what the recipe cannot work with, before anything is loaded."""
        check_needs(
            self.settings.resolved(),
            references=len(separate_pictures(self.values.get("references")))
            or len(self.values.get("people") or ()),
            mask=self.values.get("mask") is not None,
            style=False,
        )
        self._weights(len(separate_pictures(self.values.get("references"))))
        if not self._takes_demo():
            self._everything_is_here()
        check_speed_up(self.values.get("speed_up", NONE))

    def _weights(self, references: int) -> Tensor | None:
        """Return how much each reference counts, `(references, 1)`; None for alike."""
        from ..pdgrad_core.people import weights_from_text

        text = self.values.get("reference_weights") or ""
        if not text.strip() or self.values.get("people"):
            return None
        return torch.tensor(weights_from_text(text, references))[:, None]

    def _everything_is_here(self) -> None:
        """Name all missing files and packages at once."""
        chosen = self.values["restorer"]
        found = lacking(self.settings.resolved(), restorer=None if chosen == OWN else chosen)
        found.check("To get them, open Fetch Weights in the sidebar, choose models: demo, or run:")

    def __call__(self) -> Found:
        """Restore the photos' faces by portions; a photo without one stays as it is."""
        row = self.settings.resolved()
        loaded = self._loaded(row)
        with recording_of(loaded.models.prior):
            return self._found(row, loaded)

    def _found(self, row: Recipe, loaded: LoadedSet) -> Found:
        from ..pdgrad_core.alignment import PasteSettings
        from ..pdgrad_core.matched import runs_for

        size_px = loaded.models.prior.image_size
        finder = PhotoFinder(self.values, size_px)
        faces = finder.faces(self.photos)
        who = Matched.of(self.values, faces, loaded, size_px)
        faces = who.faces
        masks, whole_masks = self._masks(faces), self._whole_masks()
        # Matching would take away the colours that a recipe gives to a grey photo.
        pasting = PasteSettings(match_colors=not row.takes_style)
        put_back = FacePaster(all_folders(), settings=pasting)
        references = [] if who.guides else finder.references(self._references())
        limit = self.values.get("faces_at_once") or faces_that_fit(loaded.patchers, size_px)
        steps = row.sampler(loaded.models.prior).total_steps
        runs = portions(map(len, faces), limit) * who.most_runs(row)
        coarse: list[Tensor] = []
        traces: list[list[Record]] = []
        notes = [*loaded.models.notes]
        done = 0

        def restore(portion: Portion) -> Tensor:
            nonlocal done
            report = StepReporter(steps * runs, self.node_id, steps * done)
            work = partial(self._restored, portion, references, report)
            found = run_in_memory("The restoration", work, lambda: let_go(loaded.models.prior))
            coarse.append(to_host(found.coarse))
            traces.append(found.trace)
            notes.extend(found.notes)
            done += runs_for(row, portion.guides) if portion.guides else 1
            return found.image.cpu()

        for photo, results in in_portions(self._queue(faces, masks, who.guides), limit, restore):
            whole = put_back(photo.photo, photo.faces, results)
            if row.keeps_known:
                whole = keep_known_pixels(photo.photo, whole, whole_masks[photo.number])
            self.photos.put(photo.number, whole)
        said = what_was_found([*map(len, faces)]) if len(faces) > 1 else ""
        said = "\n".join(filter(None, [said, who.report]))
        trace, told = join_traces(alike_traces(traces)), tuple(dict.fromkeys(notes))
        return Found(self.photos.image, coarse, trace, said, told)

    def _queue(
        self,
        faces: list[list[AlignedFace]],
        masks: list[Tensor | None],
        guides: list[list[Guide]],
    ) -> Iterator[PhotoFaces]:
        noise = self.values.get("noise", NOISES[0])
        for number, here in enumerate(faces):
            if here:
                seed = photo_seed(self.values["seed"], number, noise)
                own = guides[number] if guides else None
                photo = self.photos.photo(number)
                yield PhotoFaces(number, photo, here, seed, masks[number], own)

    def _restored(
        self, portion: Portion, references: list[Tensor], report: StepReporter
    ) -> Restoration:
        """Restore one portion, which can be started over."""
        from ..pdgrad_core.matched import restore_matched
        from ..pdgrad_core.pipeline import restore_faces

        loaded = self._loaded(self.settings.resolved())
        pixels = portion.crops.shape[-1] ** 2 * len(portion.crops)
        device = load_networks(loaded.patchers, BYTES_PER_PIXEL * pixels)
        for network in loaded.models.features.values():
            network.to(device)
        # The cached restorer is shared: a copy carries this w.
        own = copy.copy(loaded.models.restorer)
        if hasattr(own, "fidelity"):
            own.fidelity = self.values["fidelity"]  # type: ignore[union-attr]
        if portion.guides:
            restore = partial(restore_matched, portion.crops, portion.guides)
        else:
            restore = partial(restore_faces, portion.crops, references)
        return restore(
            replace(loaded.models, restorer=own),
            self.settings,
            hints=Hints(portion.masks, weights=self._weights(len(references))),
            seeds=portion.seeds,
            on_step=report,
            should_stop=stop_if_interrupted,
        )

    def _loaded(self, row: Recipe) -> LoadedSet:
        """Return the models that the recipe needs; the host has not brought them anywhere yet."""
        demo = self._takes_demo()
        chosen = self.values["restorer"]
        restorer = row.restorer_with(demo) if chosen == OWN else chosen
        networks = row.all_networks
        if self.values.get("people"):
            networks = tuple(dict.fromkeys((*networks, "arcface")))
        precision = self.values.get("precision", "auto")
        speed_up = self.values.get("speed_up", NONE)
        models = DEMO if demo else ""
        return load_set(Wanted(models, restorer, row.prior_kind, networks, precision, speed_up))

    def _takes_demo(self) -> bool:
        """Whether the embedded models are meant: chosen, or the photos are of an example's size."""
        models = self.values["models"]
        if models == BY_SIZE:
            return tuple(self.photos.given.shape[1:3]) in EXAMPLE_SIZES
        return models != PHOTO_MODELS

    def _references(self) -> list[Tensor]:
        pictures = separate_pictures(self.values.get("references"))
        return [from_host(picture, "A reference") for picture in pictures]

    def _whole_masks(self) -> list[Tensor | None]:
        """Return the mask of each photo, `(1, 1, H, W)`, or None."""
        mask = self.values.get("mask")
        photos = len(self.photos)
        if mask is None:
            return [None] * photos
        masks = mask_from_host(mask)
        if len(masks) not in (1, photos):
            raise InvalidInputError(
                f"There are {len(masks)} masks for {photos} photos; give one, or one for each."
            )
        return list(masks.expand(photos, -1, -1, -1).split(1))

    def _masks(self, faces: list[list[AlignedFace]]) -> list[Tensor | None]:
        """Return the faces' masks, cut out as the faces were."""
        pairs = zip(self._whole_masks(), faces, strict=True)
        return [None if mask is None or not here else cut_masks(mask, here) for mask, here in pairs]


def _demo_tau(row: Recipe, steps: int) -> int | None:
    """Return where the small prior starts; None, the recipe's own, for what starts with noise."""
    starts_with_a_face = row.tau < LAST_TIMESTEP and not row.from_noise
    return min(row.tau, TAU) if starts_with_a_face and steps <= TAU else None

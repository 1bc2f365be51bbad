"""The whole restoration in one node: from a photo and references to the restored photo."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.diffusion.schedule import Schedule
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.models.sets import DEMO, load_model_set
from ..pdgrad_core.photos import FaceFinder, cut_masks, put_back
from ..pdgrad_core.recipes import Hints, check_needs
from ..pdgrad_core.settings import Settings
from . import schema
from .align import face_detector
from .boundary import (
    StepReporter,
    as_sentence,
    from_host,
    load_networks,
    mask_from_host,
    outside_inference_mode,
    patcher_for,
    run_in_memory,
    stop_if_interrupted,
    to_host,
    with_alpha_of,
)
from .restore_face_inputs import ALIGNED, AUTO, OWN, PHOTO_MODELS, inputs
from .sample import BYTES_PER_PIXEL, for_the_page
from .sockets import Patcher, Trace, TraceIO
from .weights import all_folders

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace
    from ..pdgrad_core.models.sets import ModelSet
    from ..pdgrad_core.pipeline import Restoration
    from ..pdgrad_core.recipes import Recipe


class RestoreFace(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
            node_id="PDGradRestoreFace",
            display_name="Restore Face",
            category="PDGrad/restore",
            description=(
                "Restores the face in a photo, guided by other photos of the same person: finds "
                "the face, makes the coarse face, samples under the recipe's guidance, and lays "
                "the result back. A picture that is an aligned face already is restored as it is. "
                "Every recipe of the pack can be chosen; the other nodes are its parts."
            ),
            inputs=inputs(),
            outputs=[
                io.Image.Output("image", display_name="image"),
                io.Image.Output("coarse", display_name="coarse faces"),
                TraceIO.Output("trace", display_name="trace"),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        recipe: str | None,
        models: str | None,
        restorer: str | None,
        photo_is: str | None,
        steps: int | None,
        tau: int | None,
    ) -> bool | str:
        """Refuse unknown choices, and steps that tau cannot give, before anything runs."""
        chosen = {"recipe": recipe, "models": models, "restorer": restorer, "photo_is": photo_is}
        known = schema.check_choices(cls, **chosen)
        if known is not True or recipe is None or steps is None or tau is None:
            return known
        settings = Settings(recipe, steps=steps or None, tau=tau or None)
        return as_sentence(lambda: settings.resolved().plan(Schedule.linear()))

    @classmethod
    def execute(cls, photo: Tensor, **values: Any) -> io.NodeOutput:
        """Restore every chosen face of every photo, outside inference mode."""
        with outside_inference_mode():
            work = _Work(from_host(photo, "The photo"), values, cls.hidden.unique_id)
            work.check()
            images, found = run_in_memory("The restoration", work)
            trace = Trace.on_cpu(found.trace)
            shown = json.dumps(for_the_page(trace.rows))
            return io.NodeOutput(
                with_alpha_of(photo, to_host(images)),
                to_host(found.coarse),
                trace,
                ui={"pdgrad_trace": [shown]},
            )


@dataclass(frozen=True)
class _Work:
    """One restoration, which can be started over.

    Attributes:
        photos: `(N, 3, H, W)` in [-1, 1].
        values: The node's other inputs.
        node_id: Of the node, for progress.
    """

    photos: Tensor
    values: dict[str, Any]
    node_id: str | None

    @property
    def settings(self) -> Settings:
        """What was chosen; 0 is the recipe's own number."""
        given = {name: self.values[name] or None for name in ("steps", "tau", "strength")}
        return Settings(self.values["recipe"], seed=self.values["seed"], **given)

    def check(self) -> None:
        """Refuse what the recipe cannot work with, before anything is loaded."""
        references = self.values.get("references")
        check_needs(
            self.settings.resolved(),
            references=0 if references is None else len(references),
            mask=self.values.get("mask") is not None,
            style=False,
        )

    def __call__(self) -> tuple[Tensor, Restoration]:
        """Return the photos with their faces restored, and what was found of the faces."""
        from ..pdgrad_core.pipeline import restore_faces

        row = self.settings.resolved()
        models = self._models(row)
        finder = _Finder(self, models.prior.image_size)
        faces = [finder.faces(photo) for photo in self.photos.split(1)]
        crops = torch.cat([face.crop for here in faces for face in here])
        references = [finder.reference(one) for one in self._references()]
        report = StepReporter(row.sampler(models.prior).total_steps, self.node_id)
        found = restore_faces(
            crops,
            references,
            models,
            self.settings,
            hints=Hints(self._mask(faces)),
            on_step=report,
            should_stop=stop_if_interrupted,
        )
        return self._pasted(faces, found.image.cpu()), found

    def _models(self, row: Recipe) -> ModelSet:
        """Return the models that the recipe needs, on the host's device."""
        demo = self.values["models"] != PHOTO_MODELS
        chosen = self.values["restorer"]
        restorer = row.restorer_with(demo) if chosen == OWN else chosen
        loaded = _load(DEMO if demo else "", restorer, row.all_networks)
        faces = max(1, len(self.photos))
        size = loaded.models.prior.image_size
        device = load_networks(loaded.patchers, BYTES_PER_PIXEL * faces * size**2)
        for network in loaded.models.features.values():
            network.to(device)
        # The cached restorer is shared: a copy carries this w.
        own = copy.copy(loaded.models.restorer)
        if hasattr(own, "fidelity"):
            own.fidelity = self.values["fidelity"]  # type: ignore[union-attr]
        return replace(loaded.models, restorer=own)

    def _references(self) -> list[Tensor]:
        references = self.values.get("references")
        return [] if references is None else list(from_host(references, "A reference").split(1))

    def _mask(self, faces: list[list[AlignedFace]]) -> Tensor | None:
        mask = self.values.get("mask")
        if mask is None:
            return None
        masks = mask_from_host(mask)
        if len(masks) not in (1, len(faces)):
            raise InvalidInputError(
                f"There are {len(masks)} masks for {len(faces)} photos; give one, or one for each."
            )
        masks = masks.expand(len(faces), -1, -1, -1)
        return torch.cat(
            [cut_masks(one, here) for one, here in zip(masks.split(1), faces, strict=True)]
        )

    def _pasted(self, faces: list[list[AlignedFace]], results: Tensor) -> Tensor:
        from ..pdgrad_core.alignment import PasteSettings

        # Matching would take away the colours that a recipe gives to a grey photo.
        pasting = PasteSettings(match_colors=not self.settings.resolved().takes_style)
        pasted: list[Tensor] = []
        for photo, here in zip(self.photos.split(1), faces, strict=True):
            own, results = results[: len(here)], results[len(here) :]
            pasted.append(put_back(photo, here, own, all_folders(), settings=pasting))
        return torch.cat(pasted)


@dataclass
class _Finder:
    """Finds the faces of the photo and of the references, loading the detector when it must."""

    work: _Work
    size_px: int

    def faces(self, photo: Tensor) -> list[AlignedFace]:
        """Return the chosen faces of a photo."""
        find = FaceFinder(self.size_px, self._is_aligned(photo), self.work.values["faces"])
        return find(photo, *self._how(photo, self.work.values.get("landmarks")))

    def reference(self, photo: Tensor) -> Tensor:
        """Return the largest face of a reference photo."""
        find = FaceFinder(self.size_px, self._is_aligned(photo))
        return find(photo, *self._how(photo, self.work.values.get("reference_landmarks")))[0].crop

    def _is_aligned(self, photo: Tensor) -> bool:
        how = self.work.values["photo_is"]
        square = photo.shape[-2:] == (self.size_px, self.size_px)
        return how == ALIGNED or (how == AUTO and square)

    def _how(self, photo: Tensor, landmarks: str | None) -> tuple[str | None, Any]:
        """Return the landmarks, or a detector where one is needed."""
        if self._is_aligned(photo):
            return None, None
        lines = [line for line in (landmarks or "").splitlines() if line.strip()]
        return (lines[0], None) if lines else (None, face_detector())


@dataclass(frozen=True)
class _Loaded:
    models: ModelSet
    patchers: tuple[Patcher, ...]


@lru_cache(maxsize=1)
def _load(models: str, restorer: str | None, features: tuple[str, ...]) -> _Loaded:
    """Load a set of models under the host's care; the last one is kept for the next run."""
    found = load_model_set(
        models or None, restorer=restorer, features=features, extra_folders=all_folders()
    )
    modules = [found.prior.network, *(one.module for one in found.features.values())]
    if found.restorer is not None:
        modules.append(found.restorer.network)
    patchers = tuple(patcher_for(module) for module in modules if module is not None)
    return _Loaded(found, patchers)


NODES = [RestoreFace]

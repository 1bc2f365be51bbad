"""What all photos of one `pdgrad restore` share, and the restoration of one of them."""

import argparse
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .face_search import FaceSearch
from .hints import load_mask
from .model_options import step_progress
from .paste_options import paste_settings_of
from .restore_outputs import RestoreOutputs
from .restore_report import memory_of, photo_report, timing
from .streams import say

if TYPE_CHECKING:
    import torch

    from ..diffusion.records import StepState
    from ..losses.color_statistics import ColorStatistics
    from ..models.sets import ModelSet
    from ..photo_files import PhotoFile
    from ..photos import FacePaster
    from ..restoration import Restoration
    from ..settings import Settings
    from .stages import StageWriter


def open_photo(args: argparse.Namespace, number: int) -> "tuple[PhotoFile, torch.Tensor | None]":
    """Return a photo and its mask.

    Raises:
        PDGradError: One of them cannot be used.
    """
    from ..photo_files import read_photo

    photo = read_photo(args.photos[number])
    return photo, load_mask(args.mask, number, photo.image)


@dataclass(frozen=True)
class RestoreWork:
    """What all photos of a call share."""

    args: argparse.Namespace
    outputs: RestoreOutputs
    models: "ModelSet"
    settings: "Settings"
    search: FaceSearch
    references: "list[torch.Tensor]"
    style: "ColorStatistics | None"

    @cached_property
    def put_back(self) -> "FacePaster":
        """What lays the faces of every photo back."""
        from ..photos import FacePaster

        finder = self.search.finder
        pasting = paste_settings_of(self.args, self.settings.resolved())
        return FacePaster(finder.folders, finder.device, pasting)

    @cached_property
    def faces_at_once(self) -> int:
        """How many faces are restored together at most: as many as the device's memory takes."""
        from ..devices import memory_bytes
        from ..sequences import faces_at_once

        models = self.models
        networks = [models.prior.network, *(one.module for one in models.features.values())]
        networks += [] if models.restorer is None else [models.restorer.network]
        weights = sum(
            weight.numel() * weight.element_size()
            for network in dict.fromkeys(networks)  # IDM's may be prior and restorer
            if network is not None
            for weight in network.parameters()
        )
        return faces_at_once(memory_bytes(models.device) - weights, models.prior.image_size)

    def restore(self, number: int) -> dict[str, Any]:
        """Restore the chosen faces of one photo, write the results, and return its report."""
        import torch

        from ..devices import begin_peak
        from ..photos import cut_masks, keep_known_pixels

        args = self.args
        path, out = args.photos[number], self.outputs.pictures[number]
        photo, mask = open_photo(args, number)
        faces = self.search.faces(photo.image, args.landmarks[number] if args.landmarks else None)
        crops = torch.cat([face.crop for face in faces])
        masks = None if mask is None else cut_masks(mask, faces)
        stages = self._open_stages(number, crops)
        begin_peak(self.models.device)
        shares = self.shares(len(faces), together=stages is not None)
        found = self.restored(path.name, crops, masks, shares, stages)
        result = self.put_back(photo.image, faces, found.image.cpu())
        if found.settings.keeps_known:
            result = keep_known_pixels(photo.image, result, mask)
        photo.write(result, out)
        if stages:
            stages.images("coarse", found.coarse)
            stages.images("result", found.image)
            stages.trace(found.trace, len(faces))
        if not args.json:
            say(f"{out}: {len(faces)} face(s), {timing(found.seconds, len(found.trace))}")
        memory = memory_of(self.models.device, faces=shares[0].stop)
        return photo_report(path, out, len(faces), found, memory)

    def shares(self, faces: int, *, together: bool) -> list[slice]:
        """Return the portions in which a photo's faces are restored, the largest first.

        Args:
            faces: How many there are.
            together: Whether all at once, as where each step's pictures are written.
        """
        from ..sequences import share_of_faces

        return share_of_faces(faces, faces if together else self.faces_at_once)

    def restored(
        self,
        title: str,
        crops: "torch.Tensor",
        masks: "torch.Tensor | None",
        shares: list[slice],
        stages: "StageWriter | None" = None,
    ) -> "Restoration":
        """Restore a photo's faces `(N, 3, S, S)`, a portion after the other."""
        from ..pipeline import restore_faces
        from ..recipes import Hints
        from ..sequences import joined

        parts: list[Restoration] = []
        with step_progress(title) as show:

            def on_step(state: "StepState") -> None:
                if stages:
                    stages.on_step(state)
                before = len(parts) * state.total
                show(replace(state, done=before + state.done, total=len(shares) * state.total))

            for part in shares:
                found = restore_faces(
                    crops[part],
                    self.references,
                    self.models,
                    self.settings,
                    hints=Hints(None if masks is None else masks[part], self.style),
                    seeds=[self.settings.seed] * len(crops[part]),
                    on_step=on_step,
                )
                parts.append(found)
        return joined(parts)

    def _open_stages(self, number: int, crops: "torch.Tensor") -> "StageWriter | None":
        """Return the writer of a photo's stages, its inputs written, if stages are to be saved."""
        from .stages import StageWriter

        if not self.outputs.stages:
            return None
        stages = StageWriter(self.outputs.stages[number])
        stages.images("aligned", crops)
        for index, reference in enumerate(self.references):
            stages.images(f"reference{index}", reference)
        return stages

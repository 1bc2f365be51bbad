"""Putting restored faces back into their photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .boundary import (
    from_host,
    load_networks,
    mask_from_host,
    outside_inference_mode,
    patcher_for,
    to_host,
)
from .checked import CheckedNode
from .node_schema import node_schema
from .sockets import FacesIO, Placement
from .weights import weights_path

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace

FEATHER_FRACTION = 0.1
MAX_SCALE = 8.0
OUTLINES = ["whole crop", "face and hair"]


def _outputs() -> list[Any]:
    """Return the pasted photo and where it was pasted."""
    return [
        io.Image.Output(
            "image", display_name="image", tooltip="The photo with the faces laid back."
        ),
        io.Mask.Output(
            "pasted",
            display_name="pasted",
            tooltip="How much of each pixel was pasted; white is the restored face alone.",
        ),
    ]


class PasteFaces(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradPasteFaces",
            display_name="Paste Faces Back",
            category="PDGrad/align",
            description=(
                "Lays restored faces back into their photo with a soft edge. Outside the crops the "
                "photo stays exactly as it was."
            ),
            inputs=[
                io.Image.Input("photo", tooltip="The photo that the faces were cut from."),
                io.Image.Input("restored", tooltip="The restored faces, in the crops' order."),
                FacesIO.Input("placement", tooltip="From Align Faces."),
                schema.choice(
                    "outline",
                    OUTLINES,
                    OUTLINES[0],
                    "What is pasted: the whole crop, or face and hair only (needs ParseNet).",
                ),
                schema.real(
                    "feather_fraction",
                    FEATHER_FRACTION,
                    (0.0, 0.5),
                    0.01,
                    "Width of the soft edge, of the crop's side; 0 is a hard edge.",
                ),
                schema.real(
                    "scale",
                    1.0,
                    (1.0, MAX_SCALE),
                    0.5,
                    "Enlargement of the whole photo; ignored where a background is connected.",
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Where it is 0 the photo stays as it was."
                ),
                io.Image.Input(
                    "background",
                    optional=True,
                    tooltip="The photo after another enlargement; the faces are laid on it.",
                ),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def validate_inputs(cls, outline: str | None) -> bool | str:
        """Refuse unknown choices before anything runs."""
        return schema.check_choices(cls, outline=outline)

    @classmethod
    def execute(
        cls,
        photo: Tensor,
        restored: Tensor,
        placement: Placement,
        outline: str,
        feather_fraction: float,
        scale: float,
        mask: Tensor | None = None,
        background: Tensor | None = None,
    ) -> io.NodeOutput:
        """Paste photo by photo; the second output is the weight of what was pasted."""
        with outside_inference_mode():
            photos = from_host(photo, "The photo").split(1)
            results = from_host(restored, "The restored face").split(1)
            _check_placement(placement, photos, results)
            grounds = _per_photo(background, len(photos), "background")
            masks = _per_photo(mask, len(photos), "mask")
            outlines = _outlines(results) if outline == OUTLINES[1] else ()
            pasted: list[Tensor] = []
            weights: list[Tensor] = []
            done = 0
            for index, faces in enumerate(placement.faces):
                here = slice(done, done + len(faces))
                done = here.stop
                paste = _Paste(faces, outlines[here], scale, masks[index], feather_fraction)
                pasted.append(paste(photos[index], results[here], grounds[index]))
                weights.append(paste.weight(photos[index], results[here], grounds[index]))
            return io.NodeOutput(to_host(torch.cat(pasted)), to_host(torch.cat(weights))[..., 0])


@dataclass(frozen=True)
class _Paste:
    """How the faces of one photo are laid back."""

    faces: Sequence[AlignedFace]
    outlines: Sequence[Tensor]
    scale: float
    mask: Tensor | None
    feather_fraction: float

    def __call__(
        self, photo: Tensor, results: Sequence[Tensor], background: Tensor | None
    ) -> Tensor:
        from ..pdgrad_core.alignment import paste_back

        outlines = iter(self.outlines)
        return paste_back(
            photo,
            self.faces,
            results,
            scale=self.scale,
            background=background,
            mask=self.mask,
            parser=(lambda _crop: next(outlines)) if self.outlines else None,
            feather_fraction=self.feather_fraction,
        )

    def weight(self, photo: Tensor, results: Sequence[Tensor], background: Tensor | None) -> Tensor:
        """Return the weight of what is pasted, as grey from -1 to 1: white laid on black."""
        black = None if background is None else torch.full_like(background, -1)
        white = [torch.ones_like(result) for result in results]
        return self(torch.full_like(photo, -1), white, black)


def _check_placement(
    placement: Placement, photos: tuple[Tensor, ...], results: tuple[Tensor, ...]
) -> None:
    height, width = photos[0].shape[-2:]
    if (height, width) != placement.size or len(photos) != len(placement.faces):
        raise InvalidInputError(
            f"The faces were cut from {len(placement.faces)} photo(s) of "
            f"{placement.size[1]}x{placement.size[0]} pixels, but the photo to paste into is "
            f"{len(photos)} of {width}x{height}; connect the one that Align Faces was given."
        )
    if len(results) != placement.count:
        raise InvalidInputError(
            f"{placement.count} face(s) were cut out, but {len(results)} come back; connect the "
            "restored faces in the order and number of Align Faces."
        )


def _per_photo(image: Tensor | None, count: int, what: str) -> list[Tensor | None]:
    if image is None:
        return [None] * count
    parts = (mask_from_host(image) if what == "mask" else from_host(image, "The background")).split(
        1
    )
    if len(parts) not in (1, count):
        raise InvalidInputError(
            f"There are {len(parts)} {what}s for {count} photos; give one for each."
        )
    return [*parts] * (count if len(parts) == 1 else 1)


def _outlines(results: tuple[Tensor, ...]) -> list[Tensor]:
    from ..pdgrad_core.alignment import load_parser

    parser = load_parser(weights_path("parsenet", "facedetection"))
    load_networks([patcher_for(parser.network)])
    return [parser(result) for result in results]


NODES = [PasteFaces]

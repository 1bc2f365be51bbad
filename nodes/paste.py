"""Putting restored faces back into their photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import CheckpointNotFoundError, InvalidInputError
from . import schema
from .boundary import (
    from_host,
    load_networks,
    mask_from_host,
    mask_to_host,
    outside_inference_mode,
    patcher_for,
    to_host,
    with_alpha_of,
    with_pixels_of,
)
from .checked import CheckedNode
from .node_schema import node_schema
from .sockets import FacesIO, Placement
from .weights import weights_path

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import FaceParser, Pasted

FEATHER_FRACTION = 0.1
MAX_SCALE = 8.0
OUTLINES = ["whole crop", "face and hair"]
FACE = OUTLINES[1]


def _inputs() -> list[Any]:
    return [
        io.Image.Input("photo", tooltip="The photo that the faces were cut from."),
        io.Image.Input("restored", tooltip="The restored faces, in the crops' order."),
        FacesIO.Input("placement", tooltip="From Align Faces."),
        schema.choice(
            "outline",
            OUTLINES,
            FACE,
            "What is pasted: face and hair only (as ParseNet sees them, where its file is "
            "here; otherwise by the landmarks and by what was changed), or the whole crop.",
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
        io.Mask.Input("mask", optional=True, tooltip="Where it is 0 the photo stays as it was."),
        io.Image.Input(
            "background",
            optional=True,
            tooltip="The photo after another enlargement; the faces are laid on it.",
        ),
    ]


def _switches() -> list[Any]:
    """Return the inputs that came later."""
    return [
        schema.switch(
            "match_colors",
            True,
            "Fit each face's colours to the photo around it; off keeps the restorer's, as "
            "for colorization.",
            optional=True,
        ),
        schema.switch(
            "match_grain",
            True,
            "Give each face the photo's grain, as measured in flat skin.",
            optional=True,
        ),
        schema.switch(
            "multiband",
            True,
            "Blend light and colours over a wider edge than details.",
            optional=True,
        ),
    ]


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
                "Lays restored faces back into their photo so that nobody sees where: the face and "
                "its hair, in the colours and with the grain of the photo. Outside the outline "
                "the photo stays exactly as it was, its transparency too."
            ),
            inputs=[*_inputs(), *_switches()],
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
        match_colors: bool = True,
        match_grain: bool = True,
        multiband: bool = True,
    ) -> io.NodeOutput:
        """Paste photo by photo; the second output is the weight of what was pasted."""
        from ..pdgrad_core.alignment import PasteSettings, paste_faces

        with outside_inference_mode():
            photos = from_host(photo, "The photo").split(1)
            results = from_host(restored, "The restored face").split(1)
            _check_placement(placement, photos, results)
            kind = "face" if outline == FACE else "crop"
            settings = PasteSettings(kind, match_colors, match_grain, multiband, feather_fraction)
            parser = _parser() if outline == FACE else None
            grounds = _per_photo(background, len(photos), "background")
            masks = _per_photo(mask, len(photos), "mask")
            done: list[Pasted] = []
            for index, faces in enumerate(placement.faces):
                here, results = results[: len(faces)], results[len(faces) :]
                done.append(
                    paste_faces(
                        photos[index],
                        faces,
                        here,
                        settings,
                        scale=scale,
                        background=grounds[index],
                        mask=masks[index],
                        parser=parser,
                    )
                )
            image = to_host(torch.cat([one.image for one in done]))
            weight = mask_to_host(torch.cat([one.weight for one in done]))
            ground = photo if background is None else background
            if background is not None or scale == 1:
                image = with_pixels_of(ground, image, weight)
            return io.NodeOutput(with_alpha_of(ground, image), weight)


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


def _parser() -> FaceParser | None:
    """Return ParseNet under the host's care, or None where its file is not here."""
    from ..pdgrad_core.alignment import load_parser

    try:
        path = weights_path("parsenet", "facedetection")
    except CheckpointNotFoundError:
        return None
    parser = load_parser(path)
    load_networks([patcher_for(parser.network)])
    return parser


NODES = [PasteFaces]

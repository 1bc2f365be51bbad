"""Alignment: cutting faces out of a photo."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.sequences import found_anywhere, what_was_found
from . import schema
from .boundary import (
    from_host,
    load_networks,
    outside_inference_mode,
    patcher_for,
    to_host,
)
from .checked import CheckedNode
from .face_sockets import BoundingBoxIO, boxes_of, face_sockets, faces_of_meshes, in_boxes
from .node_schema import node_schema
from .sockets import FacesIO, LoadedPrior, Placement, PriorIO
from .weights import found_path

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import AlignedFace, Face, FaceDetector
    from ..pdgrad_core.alignment.warp import Border

logger = logging.getLogger(__name__)

MIN_SIZE_PX = 16
DEFAULT_SIZE_PX = 512
METHODS = ["detect", "landmarks", "already aligned"]
BORDERS = ["reflect", "constant"]
CHOICES = ["largest", "all", "left-to-right", "by number"]


def _inputs() -> list[Any]:
    return [
        io.Image.Input("photo", tooltip="A photo, or several of one size."),
        schema.choice(
            "method",
            METHODS,
            METHODS[0],
            "detect: find the faces; landmarks: use the points below; already aligned: "
            "the picture is a face crop.",
        ),
        schema.choice(
            "choose",
            CHOICES,
            CHOICES[0],
            "Which faces are cut out; numbers count from 0 at the left, as drawn in the "
            "boxes output.",
        ),
        schema.text("numbers", "0", "With 'by number': one number or several, as in 0,2."),
        schema.text(
            "landmarks",
            "",
            "With 'landmarks': a line for each face, five points x,y in pixels: left eye, "
            "right eye, nose, left and right mouth corner, as seen in the picture; or "
            "three: both eyes and the middle of the mouth. In a batch they hold for every photo, "
            "unless an empty line or 'frame 0:' tells the photos apart.",
            multiline=True,
        ),
        schema.whole(
            "size_px", 0, (0, 4096), "Side of the crops, at least 16. 0: the connected prior's, "
            f"or {DEFAULT_SIZE_PX} without one.", "px", step=8,
        ),
        schema.choice(
            "border", BORDERS, BORDERS[0], "What fills a crop beyond the photo."
        ),
        schema.real("threshold", 0.97, (0.0, 1.0), 0.01, "Lowest score of a found face."),
        schema.whole(
            "short_side_px",
            640,
            (64, 2150),
            "The photo's shorter side while faces are looked for; larger finds smaller "
            "faces.",
            "px",
        ),
        *face_sockets(),
        PriorIO.Input(
            "prior", optional=True, tooltip="With size_px 0 the crops have this prior's size."
        ),
    ]  # fmt: skip


class AlignFaces(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradAlignFaces",
            display_name="Align Faces",
            category="PDGrad/align",
            description=(
                "Cuts faces out of a photo, upright and at the size the prior wants. Only the "
                "faces you choose are touched. Faces are found by RetinaFace where its weights "
                "are, else by the small YuNet that comes with the pack, or by landmarks that you "
                "type or connect; a picture that is an aligned face is only resized."
            ),
            inputs=_inputs(),
            outputs=[
                io.Image.Output(
                    "faces",
                    display_name="faces",
                    tooltip="The crops, in the order of the chosen faces.",
                ),
                FacesIO.Output(
                    "placement",
                    display_name="placement",
                    tooltip="Where they were cut out, for Paste Faces Back.",
                ),
                io.Image.Output(
                    "boxes",
                    display_name="boxes",
                    tooltip="The photo with every found face drawn and numbered.",
                ),
                BoundingBoxIO.Output(
                    "chosen_boxes",
                    display_name="bounding boxes",
                    tooltip="The chosen faces' boxes, for other nodes.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        method: str | None,
        choose: str | None,
        border: str | None,
        size_px: int | None = None,
    ) -> bool | str:
        """Refuse unknown choices and crops too small for a face before anything runs."""
        if size_px is not None and 0 < size_px < MIN_SIZE_PX:
            return f"size_px must be 0 or at least {MIN_SIZE_PX}, not {size_px}."
        return schema.check_choices(cls, method=method, choose=choose, border=border)

    @classmethod
    def execute(
        cls,
        photo: Tensor,
        method: str,
        choose: str,
        numbers: str,
        landmarks: str,
        size_px: int,
        border: Border,
        threshold: float,
        short_side_px: int,
        face_landmarks: Any = None,
        bounding_boxes: Any = None,
        prior: LoadedPrior | None = None,
    ) -> io.NodeOutput:
        """Align the chosen faces of every photo."""
        from ..pdgrad_core.alignment import align_face, draw_faces, take_as_aligned

        size_px = size_px or (prior.prior.image_size if prior else DEFAULT_SIZE_PX)
        with outside_inference_mode():
            photos = from_host(photo, "The photo").split(1)
            if method == "already aligned":
                whole = [(take_as_aligned(one, size_px),) for one in photos]
                return _output(whole, photos, photos, [[] for _ in photos])
            if face_landmarks is not None:
                found = faces_of_meshes(face_landmarks, len(photos), _size(photos))
            elif method == "detect":
                found = [*map(face_detector(threshold, short_side_px), photos)]
            else:
                found = _typed(landmarks, photos)
            if bounding_boxes is not None:
                found = [
                    in_boxes(here, bounding_boxes, number, len(photos))
                    for number, here in enumerate(found)
                ]
            chosen = _chosen(photos, found, numbers if choose == "by number" else choose)
            aligned = [
                tuple(align_face(one, face, size_px, border) for face in faces)
                for one, faces in zip(photos, chosen, strict=True)
            ]
            boxes = [draw_faces(*both) for both in zip(photos, found, strict=True)]
            return _output(aligned, photos, boxes, chosen)


def _chosen(
    photos: Sequence[Tensor], found: Sequence[Sequence[Face]], which: str
) -> list[list[Face]]:
    """Choose among each photo's faces; among several photos, one without is said and has none."""
    from ..pdgrad_core.alignment import choose_faces

    chosen = found_anywhere(photos, lambda number, _: choose_faces(found[number], which))
    if len(chosen) > 1:
        counts = [*map(len, chosen)]
        logger.info("Align Faces: %s.", what_was_found(counts, "cut out"))
    return chosen


def _output(
    aligned: list[tuple[AlignedFace, ...]],
    photos: Sequence[Tensor],
    boxes: Sequence[Tensor],
    chosen: Sequence[Sequence[Face]],
) -> io.NodeOutput:
    crops = torch.cat([face.crop for faces in aligned for face in faces])
    placement = Placement(tuple(aligned), _size(photos))
    drawn = to_host(torch.cat(list(boxes)))
    return io.NodeOutput(to_host(crops), placement, drawn, boxes_of(chosen))


def _size(photos: Sequence[Tensor]) -> tuple[int, int]:
    return (photos[0].shape[-2], photos[0].shape[-1])


def face_detector(threshold: float = 0.97, short_side_px: int = 640) -> FaceDetector:
    """Load RetinaFace, or the small detector where it is not here, under the host's care.

    Args:
        threshold: Lowest score of a found face.
        short_side_px: The photo's shorter side while faces are looked for.
    """
    from ..pdgrad_core.alignment import best_detector

    path = found_path("retinaface")
    detector = best_detector(path, threshold=threshold, short_side_px=short_side_px)
    load_networks([patcher_for(detector.network)])
    return detector


def _typed(landmarks: str, photos: Sequence[Tensor]) -> list[list[Face]]:
    from ..pdgrad_core.alignment import faces_from_text, landmarks_of_photos

    if not landmarks.strip():
        raise InvalidInputError(
            "The method is 'landmarks', but none are given; type or connect a line of five points "
            "x,y for each face, or set the method to detect."
        )
    texts = landmarks_of_photos(landmarks, len(photos))
    return [
        faces_from_text(text, *photo.shape[-2:]) for text, photo in zip(texts, photos, strict=True)
    ]


NODES = [AlignFaces]

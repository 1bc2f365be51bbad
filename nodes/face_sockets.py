"""The host's own sockets for faces, as newer versions have them: boxes and face meshes.

Both are declared on every host, so that a node has the same inputs everywhere; a host without them
has nothing to connect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pdgrad_core.errors import InvalidInputError

if TYPE_CHECKING:
    from ..pdgrad_core.alignment import Face

BoundingBoxIO = io.Custom("BOUNDING_BOX")
"""`{"x", "y", "width", "height"}` in pixels; a list of them; or a list of lists, one per photo."""

FaceLandmarksIO = io.Custom("FACE_LANDMARKS")
"""`{"frames": [[{"landmarks_xy": (N, 2), ...}, ...], ...], "image_size": (H, W), ...}`."""


def face_sockets() -> list[Any]:
    """Return the two inputs, both optional."""
    return [
        FaceLandmarksIO.Input(
            "face_landmarks",
            optional=True,
            tooltip="Instead of finding the face: the face meshes of a newer ComfyUI's own Detect "
            "Face Landmarks, from these photos.",
        ),
        BoundingBoxIO.Input(
            "bounding_boxes",
            optional=True,
            extra_dict={"forceInput": True},  # the page has a widget for the type
            tooltip="Only faces whose middle lies in a box are meant: boxes of one photo, of each, "
            "or the same for all.",
        ),
    ]


def faces_of_meshes(landmarks: Any, photos: int, size: tuple[int, int]) -> list[list[Face]]:
    """Return each photo's faces out of a FACE_LANDMARKS.

    Args:
        landmarks: As it comes from the wire.
        photos: Number of photos.
        size: Their height and width in pixels.

    Raises:
        InvalidInputError: It belongs to other photos, or holds no face meshes.
    """
    frames = landmarks.get("frames") if isinstance(landmarks, Mapping) else None
    if frames is None:
        raise InvalidInputError(
            "face_landmarks holds no face meshes; connect ComfyUI's own Detect Face Landmarks."
        )
    found = tuple(int(side) for side in landmarks["image_size"])
    if len(frames) not in (1, photos) or found != size:
        raise InvalidInputError(
            f"face_landmarks is of {len(frames)} photos of {found[1]}x{found[0]} pixels, but there "
            f"are {photos} of {size[1]}x{size[0]}; connect the same photos to both."
        )
    faces = [[_face(mesh) for mesh in frame] for frame in frames]
    return faces if len(faces) == photos else faces * photos


def _face(mesh: Mapping[str, Any]) -> Face:
    import numpy as np

    from ..pdgrad_core.alignment import Face, points_from_mesh

    points = np.asarray(mesh["landmarks_xy"], dtype=np.float64)
    five = points_from_mesh(points)
    (left, top), (right, bottom) = points.min(axis=0)[:2], points.max(axis=0)[:2]
    box = (float(left), float(top), float(right), float(bottom))
    return Face(box, float(mesh.get("score", 1.0)), five)


def in_boxes(faces: Sequence[Face], boxes: Any, number: int, photos: int) -> list[Face]:
    """Return the faces whose middle lies in one of a photo's boxes.

    Args:
        faces: Found in the photo.
        boxes: A BOUNDING_BOX as it comes from the wire.
        number: Of the photo, from 0.
        photos: Number of photos.

    Raises:
        InvalidInputError: The boxes belong to other photos, or are none.
    """
    edges = [_edges(box) for box in _of_photo(boxes, number, photos)]

    def inside(face: Face) -> bool:
        x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
        return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in edges)

    return [face for face in faces if inside(face)]


def boxes_of(faces: Sequence[Sequence[Face]]) -> list[list[dict[str, int]]]:
    """Return the boxes of each photo's faces as a BOUNDING_BOX, in whole pixels."""
    return [[_box(face) for face in here] for here in faces]


def _of_photo(boxes: Any, number: int, photos: int) -> list[Any]:
    if isinstance(boxes, Mapping):
        return [boxes]
    if not any(isinstance(one, list | tuple) for one in boxes):
        return list(boxes)
    if len(boxes) not in (1, photos):
        raise InvalidInputError(
            f"bounding_boxes is of {len(boxes)} photos, but there are {photos}; connect boxes of "
            "the same photos."
        )
    return list(boxes[number if len(boxes) > 1 else 0])


def _edges(box: Any) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(box[name]) for name in ("x", "y", "width", "height"))
    except (TypeError, KeyError, ValueError) as error:
        raise InvalidInputError(
            f"A bounding box has x, y, width and height in pixels, not {box!r}."
        ) from error
    return x, y, x + width, y + height


def _box(face: Face) -> dict[str, int]:
    left, top, right, bottom = (round(edge) for edge in face.box)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}

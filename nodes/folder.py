"""Photos of a folder, all at once or some with every run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .boundary import outside_inference_mode, to_host
from .checked import CheckedNode
from .node_schema import node_schema

EXAMPLES = "examples"
SHOWN = ("bad group photo", "bad photo")
"""The pictures of the folder of examples."""

_OURS = "pdgrad-album"
"""Where `pdgrad album --comfyui` uploads faces to."""


class LoadFolder(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradLoadFolder",
            display_name="Load Photos of a Folder",
            category="PDGrad/photo",
            description=(
                "Loads the photos of a folder as a list, so that what follows runs once for each, "
                "of whatever size. A long folder is better worked through by several runs: one "
                "photo with each, first_photo set to increment, and as many runs queued as there "
                "are photos; then memory holds one, and a run that is stopped loses no other."
            ),
            inputs=[
                io.Combo.Input(
                    "folder",
                    options=[EXAMPLES, *_folders()],
                    default=EXAMPLES,
                    tooltip="A folder within ComfyUI's input folder, looked through with those "
                    "below it; or two drawn examples.",
                ),
                io.Int.Input(
                    "first_photo",
                    default=0,
                    min=0,
                    max=1_000_000,
                    step=1,
                    control_after_generate=True,
                    tooltip="Number of the first photo, from 0, by name. Increment it after each "
                    "run to work through a long folder.",
                ),
                schema.whole(
                    "how_many", 0, (0, 1_000_000), "Photos of each run. 0: all from the first on."
                ),
            ],
            outputs=[
                io.Image.Output(
                    "photos", display_name="photos", is_output_list=True,
                    tooltip="The photos, upright.",
                ),
                io.String.Output(
                    "landmarks", display_name="landmarks", is_output_list=True,
                    tooltip="Where an example's faces are; empty for photos of yours.",
                ),
                io.String.Output(
                    "names", display_name="names", is_output_list=True,
                    tooltip="Folder and name of each photo, for Save Image's filename_prefix.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, folder: str | None) -> bool | str:
        """Refuse what is no folder within the input folder."""
        if folder is None or folder == EXAMPLES or folder in _folders():
            return True
        return (
            f"folder cannot be {folder!r}: there is no such folder in ComfyUI's input folder; put "
            "your photos into a folder there, and press R to refresh the list."
        )

    @classmethod
    def fingerprint_inputs(
        cls,
        folder: str | None,
        first_photo: int | None,  # noqa: ARG003  (the host hands over every input)
        how_many: int | None,  # noqa: ARG003
    ) -> Any:
        """Return what changes when a file does."""
        if folder is None or folder == EXAMPLES:
            return folder
        place = _input() / folder
        return [(str(path), path.stat().st_mtime_ns) for path in sorted(place.rglob("*"))]

    @classmethod
    def execute(cls, folder: str, first_photo: int, how_many: int) -> io.NodeOutput:
        """Read the photos, or draw the examples."""
        with outside_inference_mode():
            if folder == EXAMPLES:
                return _output(_some(list(SHOWN), folder, first_photo, how_many), _drawn)
            from ..pdgrad_core.albums.scans import photos_of

            place = _input() / folder
            chosen = _some(photos_of(place), folder, first_photo, how_many)
            return _output(chosen, partial(_read, place))


def _some(names: list[str], folder: str, first: int, how_many: int) -> list[str]:
    if first >= len(names):
        raise InvalidInputError(
            f"{folder} has {len(names)} photos, counted from 0, and first_photo is {first}: all "
            "are done; set it to 0 to begin again."
        )
    return names[first : first + how_many] if how_many else names[first:]


def _output(names: list[str], read: Callable[[str], tuple[Any, str, str]]) -> io.NodeOutput:
    found = [read(name) for name in names]
    return io.NodeOutput(*(list(column) for column in zip(*found, strict=True)))


def _drawn(name: str) -> tuple[Any, str, str]:
    from ..pdgrad_core.faces.examples import draw_example

    example = draw_example(name)
    return to_host(example.image), example.landmarks, f"{EXAMPLES}/{name.replace(' ', '_')}"


def _read(place: Path, name: str) -> tuple[Any, str, str]:
    from ..pdgrad_core.images import load_image

    image = to_host(load_image(place / name))
    return image, "", f"{place.name}/{Path(name).with_suffix('').as_posix()}"


def _input() -> Path:
    return Path(folder_paths.get_input_directory())


def _folders() -> list[str]:
    try:
        found = [path.name for path in _input().iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(name for name in found if not name.startswith(".") and name != _OURS)


NODES = [LoadFolder]

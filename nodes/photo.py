"""Photos from the host's input folder, and example pictures in their place."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..pdgrad_core.faces.examples import EXAMPLES, draw_example
from .boundary import outside_inference_mode, to_host
from .checked import CheckedNode
from .node_schema import node_schema

_LOG = logging.getLogger(__name__)

PICTURES = Path(__file__).parents[1] / "js" / "examples"


def file_of(example: str) -> str:
    """Return under which name the host's page shows an example: a file in its temporary folder."""
    return f"example_{example.replace(' ', '_')}.png [temp]"


FILES = {file_of(name): name for name in EXAMPLES}


class LoadPhoto(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        _lay_out_examples()
        return node_schema(
            node_id="PDGradLoadPhoto",
            display_name="Load Face Photo",
            category="PDGrad/photo",
            description=(
                "Loads a photo of yours: press the upload button, or drop a file on the node. "
                "Until then it gives an example, drawn from a formula; what an example's faces "
                "need to be found, their landmarks, comes with it."
            ),
            inputs=[
                io.Combo.Input(
                    "photo",
                    options=[*FILES, *_photos()],
                    default=next(iter(FILES)),
                    upload=io.UploadType.image,
                    tooltip="A picture of ComfyUI's input folder, or an example. The camera's "
                    "rotation is applied.",
                )
            ],
            outputs=[
                io.Image.Output("image", display_name="photo", tooltip="The photo, upright."),
                io.String.Output(
                    "landmarks",
                    display_name="landmarks",
                    tooltip="Where an example's faces are; empty for a photo of yours.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, photo: str | None) -> bool | str:
        """Refuse what is neither an example nor in the input folder."""
        if photo is None or photo in FILES or _is_file(photo):
            return True
        return (
            f"photo cannot be {photo!r}: there is no such picture in ComfyUI's input folder; press "
            "the upload button of Load Face Photo, or choose one from its list."
        )

    @classmethod
    def fingerprint_inputs(cls, photo: str | None) -> Any:
        """Return what changes when the file does."""
        if photo is None or not _is_file(photo):
            return photo
        found = Path(folder_paths.get_annotated_filepath(photo)).stat()
        return f"{photo} {found.st_mtime_ns} {found.st_size}"

    @classmethod
    def execute(cls, photo: str) -> io.NodeOutput:
        """Read the file, or draw the example."""
        from ..pdgrad_core.images import load_image

        with outside_inference_mode():
            if photo in FILES:
                example = draw_example(FILES[photo])
                return io.NodeOutput(to_host(example.image), example.landmarks)
            image = load_image(folder_paths.get_annotated_filepath(photo))
            return io.NodeOutput(to_host(image), "")


def _is_file(photo: str) -> bool:
    return photo not in FILES and bool(folder_paths.exists_annotated_filepath(photo))


def _lay_out_examples() -> None:
    """Put the examples where the page looks for pictures; the host empties that folder itself."""
    folder = Path(folder_paths.get_temp_directory())
    for name, example in FILES.items():
        picture = folder / name.removesuffix(" [temp]")
        if not picture.exists():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PICTURES / f"{example.replace(' ', '_')}.png", picture)
            except OSError as error:  # only the preview is missing then
                _LOG.info("An example cannot be shown on its node: %s", error)


def _photos() -> list[str]:
    folder = Path(folder_paths.get_input_directory())
    try:
        names = sorted(file.name for file in folder.iterdir() if file.is_file())
    except OSError:
        return []
    return list(folder_paths.filter_files_content_types(names, ["image"]))


NODES = [LoadPhoto]

"""Whether a restorer spoils faces that are already good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.degradations.presets import PRESETS
from ..pdgrad_core.diffusion.sampler import Watch
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.restorers.spandrel_model import SpandrelModel
from . import schema
from .boundary import (
    IterationReporter,
    StepReporter,
    from_host,
    outside_inference_mode,
    run_in_memory,
    stop_if_interrupted,
    to_host,
)
from .checked import CheckedNode
from .node_schema import node_schema
from .restore import brought
from .sockets import RestorerIO

if TYPE_CHECKING:
    from ..pdgrad_core.evidence.authenticity import Authenticity
    from .sockets import LoadedRestorer

ENLARGED_BELOW_PX = 128
"""Smaller faces are shown at twice their size."""


class AuthenticityNode(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradAuthenticity",
            display_name="Test Restorer on Good Faces",
            category="PDGrad/metrics",
            description=(
                "Will this restorer spoil a photo that is already good? Applies it to good aligned "
                "faces, and to degraded copies of them, again and again: a restorer that can be "
                "trusted leaves a good face as it is, and comes to rest (IDM's criterion)."
            ),
            inputs=[
                RestorerIO.Input("restorer", tooltip="From Load Restorer."),
                io.Image.Input(
                    "images", tooltip="Good aligned faces, of the size that the restorer knows."
                ),
                schema.whole("times", 3, (2, 10), "How often it is applied, one upon the other."),
                schema.choice(
                    "preset", _presets(), "pdgrad", "Whose degradation makes the bad copies."
                ),
                schema.seed("Of the degradation; image i of a batch takes seed + i."),
                schema.parameter_input(SpandrelModel, "fidelity"),
            ],
            outputs=[
                io.String.Output(
                    "report",
                    display_name="report",
                    tooltip="The answer in words, and a table: x a good face, x_d its degraded "
                    "copy, f the restorer; PSNR in dB, detail: the energy of fine detail over the "
                    "good face's.",
                ),
                io.Image.Output(
                    "picture",
                    display_name="picture",
                    tooltip="A row for each face: good, restored once; then degraded, restored "
                    "once, twice, ...",
                ),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, preset: str | None, times: int | None) -> bool | str:  # noqa: ARG003
        """Refuse unknown choices, and numbers out of range, before anything runs."""
        return schema.check_choices(cls, preset=preset)

    @classmethod
    def execute(
        cls,
        restorer: LoadedRestorer,
        images: Tensor,
        times: int,
        preset: str,
        seed: int,
        fidelity: float,
    ) -> io.NodeOutput:
        """Apply the restorer again and again, and show the answer on the node."""
        from ..pdgrad_core.evidence.authenticity_report import answer, face_rows, table
        from ..pdgrad_core.training.sheet import tile

        with outside_inference_mode():
            faces = from_host(images, "The good face")
            _check_square(faces)
            tested = _Tested(restorer, times, preset, seed, fidelity)
            found = run_in_memory("The test", lambda: tested.on(faces, cls.hidden.unique_id))
            report = f"{answer(found)}\n\n{table(found.rows)}"
            enlarge = 2 if faces.shape[-1] < ENLARGED_BELOW_PX else 1
            picture = to_host(tile(face_rows(found), enlarge=enlarge))
            return io.NodeOutput(report, picture, ui={"pdgrad_text": [report]})


def _presets() -> list[str]:
    """Return the degradations that keep the faces' size."""
    return [name for name in PRESETS if all(case.resize_back for case in PRESETS[name].cases)]


def _check_square(faces: Tensor) -> None:
    height, width = faces.shape[-2:]
    if height != width:
        raise InvalidInputError(
            f"The good face is {width}x{height} pixels, but aligned faces are square; connect "
            "Align Faces before."
        )


@dataclass(frozen=True)
class _Tested:
    """One test: the restorer, and the node's other inputs."""

    loaded: LoadedRestorer
    times: int
    preset: str
    seed: int
    fidelity: float

    def on(self, clean: Tensor, node_id: str | None) -> Authenticity:
        """Apply the restorer to good faces; it can be started over."""
        from ..pdgrad_core.degradations import degrade
        from ..pdgrad_core.evidence.authenticity import authenticity

        restorer = brought(self.loaded, clean, self.fidelity)
        degraded, _ = degrade(clean, self.preset, [self.seed + i for i in range(len(clean))])
        report = StepReporter(1, node_id) if restorer.samples else None
        return authenticity(
            restorer,
            clean,
            degraded,
            times=self.times,
            watch=Watch(report, stop_if_interrupted),
            on_applied=None if restorer.samples else IterationReporter(node_id),
        )


NODES = [AuthenticityNode]

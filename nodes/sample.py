"""Sampling: the guided reverse process as a node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators
from ..pdgrad_core.diffusion.schedule import Schedule
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.images import check_image
from ..pdgrad_core.runs import Process, Run, prepare_run
from ..pdgrad_core.sequences import BYTES_PER_PIXEL
from . import schema
from .boundary import (
    StepReporter,
    as_sentence,
    from_host,
    load_networks,
    outside_inference_mode,
    run_in_memory,
    send_text,
    stop_if_interrupted,
    to_host,
)
from .checked import CheckedNode
from .guidance import LoadedGuidance
from .node_schema import node_schema
from .picture_checks import check_trained_size
from .sampling_inputs import NOISES, noise_input, process_inputs, strength_inputs
from .sockets import (
    ContractionIO,
    GuidanceIO,
    LoadedContraction,
    LoadedPrior,
    LossIO,
    PriorIO,
    Trace,
    TraceIO,
)
from .speed import recording_of

if TYPE_CHECKING:
    from ..pdgrad_core.diffusion.sampler import Record, SampleResult
    from ..pdgrad_core.guidance.terms import Expression


def _outputs() -> list[Any]:
    """Return the faces and the trace."""
    return [
        io.Image.Output(
            "restored",
            display_name="image",
            tooltip="The sampled faces, aligned as the start image is.",
        ),
        TraceIO.Output(
            "trace",
            display_name="trace",
            tooltip="What happened at each step, for Trace Plot.",
        ),
    ]


class DDPMSampler(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradDDPMSampler",
            display_name="Guided Face Sampler",
            category="PDGrad/sampling",
            description=(
                "Noises the start image up to tau and samples back to a clean face, each step "
                "pulled by the guidance. Without a guidance it samples the prior alone. Shows "
                "the face and the gradients' angle as it goes; Cancel stops within a step."
            ),
            inputs=[
                PriorIO.Input("prior", tooltip="From Load Face Prior."),
                *process_inputs(),
                *strength_inputs(),
                schema.whole(
                    "batch_size", 1, (1, 64), "Faces sampled where no image is connected."
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Where sampling starts: the coarse face. Its size and number are the "
                    "result's. Without it, sampling starts from noise at the prior's size.",
                ),
                io.MultiType.Input(
                    "guidance",
                    [GuidanceIO, LossIO],
                    optional=True,
                    tooltip="What pulls the face: a loss, a gradient surgery, or a sum of them.",
                ),
                ContractionIO.Input(
                    "contraction",
                    optional=True,
                    tooltip="Filters on the estimate of the clean face, before the guidance.",
                ),
                noise_input(),
            ],
            outputs=_outputs(),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        steps: int | None,
        tau: int | None,
        start: str | None,
        stepper: str | None,
        respacing: str | None,
        strength_mode: str | None,
        strength_scope: str | None,
        gradient_steps: int | None,
        window_end: int | None,
        window_start: int | None,
        noise: str | None = None,
    ) -> bool | str:
        """Refuse steps that tau cannot give, and an empty window, before anything runs."""
        known = schema.check_choices(
            cls,
            start=start,
            stepper=stepper,
            strength_mode=strength_mode,
            strength_scope=strength_scope,
            noise=noise,
        )
        if known is not True:
            return known
        if gradient_steps is not None and not 1 <= gradient_steps <= 100:
            return f"gradient_steps must be from 1 to 100, not {gradient_steps}."
        if window_end is not None and window_start is not None and window_end >= window_start:
            return (
                f"window_start ({window_start}) and window_end ({window_end}): the window runs "
                "down from the first to the second, so the first must be the larger."
            )
        if None in (start, tau, steps, respacing):
            return True
        plan = {"start": start, "tau": tau, "steps": steps, "respacing": respacing}
        return as_sentence(lambda: _process(plan, Schedule.linear()).plan(Schedule.linear()))

    @classmethod
    def execute(cls, prior: LoadedPrior, **settings: Any) -> io.NodeOutput:
        """Sample outside inference mode, once more with all memory freed if it runs out."""
        image: Tensor | None = settings.pop("image", None)
        with outside_inference_mode():
            start = None if image is None else from_host(image, "The start image")
            run = _Run(prior, start, settings, cls.hidden.unique_id)
            result = run_in_memory("Sampling", run)
            trace = Trace.on_cpu(result.trace)
            shown = {"pdgrad_trace": [json.dumps(for_the_page(trace.rows))]}
            notes = "\n".join(dict.fromkeys([*run.notes, *result.notes]))
            if notes:
                send_text(notes, cls.hidden.unique_id)
                shown["text"] = [notes]
            return io.NodeOutput(to_host(result.image), trace, ui=shown)


_CURE = (
    "connect the prior to Align Faces with size_px 0, or load the prior of that size (demo is of "
    "64 px, ffhq512-prior of 512 px)"
)


@dataclass(frozen=True)
class _Run:
    """One sampling, which can be started over."""

    loaded: LoadedPrior
    start: Tensor | None
    settings: dict[str, Any]
    node_id: str | None

    def __call__(self) -> SampleResult:
        guidance: LoadedGuidance | None = self.settings.get("guidance")
        contraction: LoadedContraction | None = self.settings.get("contraction")
        self.loaded.prior.check_told()  # before any network is moved
        shape = self._shape()
        self.loaded.prior.check_size(*shape[-2:])
        check_trained_size(shape[-2:], self.loaded.prior.image_size, "The start image", _CURE)
        process = _process(self.settings, self.loaded.prior.schedule)
        process.sampler(self.loaded.prior)  # refuses wrong numbers before any work
        patchers = [self.loaded.patcher, *(guidance.patchers if guidance else [])]
        patchers += contraction.patchers if contraction else ()
        device = load_networks(patchers, BYTES_PER_PIXEL * shape[0] * shape[-1] * shape[-2])
        networks = guidance.networks if guidance else {}
        for network in networks.values():
            network.to(device)
        run = prepare_run(
            process,
            self.loaded.prior,
            self._noise(shape, device),
            None if self.start is None or not self._from_image else self.start.to(device),
            guidance=placed_guidance(guidance, shape, device),
            networks=networks,
            contractions=contraction.filters if contraction else (),
        )
        try:
            with recording_of(self.loaded.prior):
                return self._sampled(run)
        finally:
            for network in networks.values():
                network.to(device)  # forgets the converted copies of its weights

    @property
    def notes(self) -> list[str]:
        """What was asked of the networks and the device cannot do."""
        guidance: LoadedGuidance | None = self.settings.get("guidance")
        return [*self.loaded.notes, *(guidance.notes if guidance else [])]

    @property
    def _from_image(self) -> bool:
        return self.settings["start"] == "image"

    def _shape(self) -> tuple[int, int, int, int]:
        if self.start is not None:
            check_image(self.start, "The start image")
            return (self.start.shape[0], 3, self.start.shape[-2], self.start.shape[-1])
        if self._from_image:
            raise InvalidInputError(
                "Sampling is to start from an image, but none is connected; connect the coarse "
                "face to image, or set start to noise."
            )
        size = self.loaded.prior.image_size
        return (self.settings["batch_size"], 3, size, size)

    def _noise(self, shape: tuple[int, int, int, int], device: torch.device) -> PerImageNoise:
        each = self.settings.get("noise", NOISES[0]) == NOISES[0]
        seeds = [self.settings["seed"] + index * each for index in range(shape[0])]
        return PerImageNoise(per_image_generators(seeds), shape[1:], device)

    def _sampled(self, run: Run) -> SampleResult:
        return run(StepReporter(run.total_steps, self.node_id), stop_if_interrupted)


def placed_guidance(
    guidance: LoadedGuidance | None, shape: tuple[int, int, int, int], device: torch.device
) -> Expression | None:
    """Return the guidance with its pictures fitted to the faces, its names told apart."""
    from ..pdgrad_core.guidance.terms import with_unique_names
    from ..pdgrad_core.masks import Faces

    if guidance is None:
        return None
    faces = Faces(shape[0], shape[-2], shape[-1], device)
    return with_unique_names(guidance.expression).placed(faces)


def _process(settings: dict[str, Any], schedule: Schedule) -> Process:
    """Return the numbers of the run; from noise alone it starts at the noisiest step."""
    values = {name: settings[name] for name in _SAME if name in settings}
    if settings["start"] != "image":
        values["tau"] = schedule.num_train_timesteps
    if "window_end" in settings:
        values["gradient_window"] = (settings["window_end"], settings["window_start"])
    return Process(**values)


_SAME = (
    *("tau", "steps", "respacing", "stepper", "eta"),
    *("strength_mode", "strength", "strength_scope", "gradient_steps"),
)
"""Inputs that are named like what they set."""


def for_the_page(rows: list[Record]) -> dict[str, Any]:
    """Return what the page plots: at most 200 points of each cosine and k, averaged over faces."""
    stride = max(1, -(-len(rows) // 200))
    names = [name for name in (rows[0] if rows else {}) if name.endswith((".cosine", ".k"))]
    kept = rows[::stride]
    return {
        "t": [row["t"] for row in kept],
        "series": {
            name: [round(float(torch.as_tensor(row[name]).float().mean()), 4) for row in kept]
            for name in names
        },
    }


NODES = [DDPMSampler]

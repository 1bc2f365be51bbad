"""Sampling: the guided reverse process as a node."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.guidance.strength import STRENGTHS
from ..pdgrad_core.images import check_image
from . import schema
from .boundary import (
    StepReporter,
    as_sentence,
    from_host,
    load_networks,
    outside_inference_mode,
    run_in_memory,
    stop_if_interrupted,
    to_host,
)
from .guidance import GuidanceBuilder, Wired, networks_of, patchers_of
from .sampling_inputs import process_inputs, strength_inputs
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

if TYPE_CHECKING:
    from ..pdgrad_core.diffusion.sampler import Record, Sampler, SampleResult
    from ..pdgrad_core.diffusion.schedule import Schedule

BYTES_PER_PIXEL = 8000
"""About what activations and adjoints take per pixel of a face."""


class DDPMSampler(io.ComfyNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return io.Schema(
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
            ],
            outputs=[
                io.Image.Output("restored", display_name="image"),
                TraceIO.Output("trace", display_name="trace"),
            ],
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
    ) -> bool | str:
        """Refuse steps that tau cannot give, and an empty window, before anything runs."""
        known = schema.check_choices(
            cls,
            start=start,
            stepper=stepper,
            strength_mode=strength_mode,
            strength_scope=strength_scope,
        )
        if known is not True:
            return known
        if gradient_steps is not None and not 1 <= gradient_steps <= 100:
            return f"gradient_steps must be from 1 to 100, not {gradient_steps}."
        if window_end is not None and window_start is not None and window_end >= window_start:
            return (
                f"The window of the gradient steps runs down from window_start ({window_start}) to "
                f"window_end ({window_end}), so the first must be the larger."
            )
        if None in (start, tau, steps, respacing):
            return True
        from ..pdgrad_core.diffusion.schedule import Schedule

        plan = (start == "image", tau, steps, str(respacing))
        return as_sentence(lambda: _plan(Schedule.linear(), *plan))  # type: ignore[arg-type]

    @classmethod
    def execute(cls, prior: LoadedPrior, **settings: Any) -> io.NodeOutput:
        """Sample outside inference mode, once more with all memory freed if it runs out."""
        image: Tensor | None = settings.pop("image", None)
        with outside_inference_mode():
            start = None if image is None else from_host(image, "The start image")
            run = _Run(prior, start, settings, cls.hidden.unique_id)
            result = run_in_memory("Sampling", run)
            rows = [_on_cpu(record) for record in result.trace]
            return io.NodeOutput(
                to_host(result.image),
                Trace(rows),
                ui={"pdgrad_trace": [json.dumps(_for_the_page(rows))]},
            )


@dataclass(frozen=True)
class _Run:
    """One sampling, which can be started over."""

    loaded: LoadedPrior
    start: Tensor | None
    settings: dict[str, Any]
    node_id: str | None

    def __call__(self) -> SampleResult:
        from ..pdgrad_core.guidance.gradients import compile_guidance

        wired: Wired | None = self.settings.get("guidance")
        contraction: LoadedContraction | None = self.settings.get("contraction")
        shape = self._shape()
        self.loaded.prior.check_size(*shape[-2:])
        sampler = self._sampler()
        patchers = [self.loaded.patcher, *(patchers_of(wired) if wired else [])]
        patchers += contraction.patchers if contraction else ()
        device = load_networks(patchers, BYTES_PER_PIXEL * shape[0] * shape[-1] * shape[-2])
        networks = networks_of(wired) if wired else {}
        for network in networks.values():
            network.to(device)
        guidance = None
        if wired is not None:
            builder = GuidanceBuilder(shape[0], shape[-2:], device)
            guidance = compile_guidance(builder.build(wired), networks)
        filters = contraction.filters if contraction else ()
        sampler = replace(sampler, guidance=guidance, contractions=filters)
        try:
            return self._sampled(sampler, shape, device)
        finally:
            for network in networks.values():
                network.to(device)  # forgets the converted copies of its weights

    def _shape(self) -> tuple[int, int, int, int]:
        if self.start is not None:
            check_image(self.start, "The start image")
            return (self.start.shape[0], 3, self.start.shape[-2], self.start.shape[-1])
        if self.settings["start"] == "image":
            raise InvalidInputError(
                "Sampling is to start from an image, but none is connected; connect the coarse "
                "face to image, or set start to noise."
            )
        size = self.loaded.prior.image_size
        return (self.settings["batch_size"], 3, size, size)

    def _sampler(self) -> Sampler:
        """Return the sampler without guidance; wrong numbers are refused here, before any work."""
        from ..pdgrad_core.diffusion.ddpm import DDIM, DDPM
        from ..pdgrad_core.diffusion.sampler import Sampler

        chosen = self.settings
        prior = self.loaded.prior
        mode = STRENGTHS[chosen["strength_mode"]]
        scope = {"scope": chosen["strength_scope"]} if chosen["strength_mode"] == "dynamic" else {}
        return Sampler(
            prior=prior,
            schedule=_plan(
                prior.schedule,
                chosen["start"] == "image",
                chosen["tau"],
                chosen["steps"],
                chosen["respacing"],
            ),
            strength=mode(chosen["strength"], **scope),
            stepper=DDPM() if chosen["stepper"] == "ddpm" else DDIM(chosen["eta"]),
            gradient_steps=chosen["gradient_steps"],
            gradient_window=(chosen["window_end"], chosen["window_start"]),
        )

    def _sampled(
        self, sampler: Sampler, shape: tuple[int, int, int, int], device: torch.device
    ) -> SampleResult:
        from ..pdgrad_core.diffusion.noise import PerImageNoise, per_image_generators

        seeds = [self.settings["seed"] + index for index in range(shape[0])]
        noise = PerImageNoise(per_image_generators(seeds), shape[1:], device)
        from_image = self.settings["start"] == "image" and self.start is not None
        x = sampler.start_from(self.start.to(device), noise) if from_image else noise()  # type: ignore[union-attr]
        report = StepReporter(sampler.total_steps, self.node_id)
        return sampler.run(x, noise, report, stop_if_interrupted)


def _plan(schedule: Schedule, from_image: bool, tau: int, steps: int, respacing: str) -> Schedule:
    """Return the run's timesteps.

    Raises:
        ScheduleError: tau cannot give them.
    """
    start = tau if from_image else None
    if respacing.strip():
        return schedule.plan(start, None, respacing.strip())
    return schedule.plan(start, steps)


def _on_cpu(record: Record) -> Record:
    return {
        name: value.detach().cpu() if isinstance(value, Tensor) else value
        for name, value in record.items()
    }


def _for_the_page(rows: list[Record]) -> dict[str, Any]:
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

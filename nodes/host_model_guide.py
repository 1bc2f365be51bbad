"""What rides on a patched MODEL: guidance of the estimate, whatever sampler asks for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import comfy.model_management as management
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pdgrad_core.diffusion.sampler import Record, StepContext
from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.guidance.latent import (
    GuidedSteps,
    LatentGuidance,
    View,
    views_of_faces,
    views_of_pictures,
)
from ..pdgrad_core.guidance.strengths import make_strength
from .boundary import (
    OutOfMemory,
    leave_inference,
    outside_inference_mode,
    send_trace,
    stop_if_interrupted,
)
from .host_decoder import decoder_of, is_large, lighter
from .sample import placed_guidance
from .speed import guidance_of_a_run, let_go

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pdgrad_core.guidance.latent import LatentLowPass
    from ..pdgrad_core.guidance.terms import Expression
    from .guidance import LoadedGuidance
    from .sockets import Patcher, Placement, Trace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class GuideSettings:
    """What the node was given.

    Attributes:
        vae: Decodes at guided steps.
        guidance: None where only the contraction acts.
        placement: None where the whole picture is the face.
        strength: s.
        start_percent: From where in the model's schedule, 0 is its noisiest step.
        end_percent: To where.
        every: k.
        repeats: Shifts at a guided step.
        jitter_px: See `LatentGuidance`.
        decode: One of `DECODES`.
        mask: MASK `(1 or B, 1, H, W)`, white where the guidance acts; None for everywhere.
        filters: Contractions, on latents.
    """

    vae: Any
    guidance: LoadedGuidance | None
    placement: Placement | None
    strength: float
    start_percent: float
    end_percent: float
    every: int
    repeats: int
    jitter_px: float
    decode: str
    mask: Tensor | None
    filters: Sequence[LatentLowPass]

    @property
    def guides(self) -> bool:
        """Whether a gradient is taken at all."""
        return self.guidance is not None and self.strength > 0

    @property
    def patchers(self) -> list[Patcher]:
        """The host's handles on what guided steps need beside the model."""
        if not self.guides or self.guidance is None:
            return []
        return [self.vae.patcher, *self.guidance.patchers]


@dataclass(eq=False)
class _Run:
    """One sampling: begun by the wrapper around it, known to nobody else."""

    sigmas: list[float]
    seed: int
    shape: torch.Size | None = None
    steps: GuidedSteps | None = None
    guide: LatentGuidance | None = None
    calls: int = 0
    shifts: int = 0


class ModelGuide:
    """Guides every sampling of a MODEL; what it remembers ends with a sampling.

    Args:
        settings: What the node was given.
        trace: Where rows go; emptied when a sampling begins.
        node_id: The node's id in the prompt, for the live plot.
    """

    def __init__(self, settings: GuideSettings, trace: Trace, node_id: str | None) -> None:
        self.settings, self.trace, self.node_id = settings, trace, node_id
        self.run: _Run | None = None

    def sampled(self, executor: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
        """Wrap a whole sampling: `(noise, latent_image, sampler, sigmas, ..., seed)`."""
        sigmas = options["sigmas"] if "sigmas" in options else args[3]
        seed = options["seed"] if "seed" in options else args[7] if len(args) > 7 else 0
        self._begin([float(one) for one in sigmas.flatten()], int(seed or 0))
        try:
            return executor(*args, **options)
        finally:
            self._end()

    def _begin(self, sigmas: list[float], seed: int) -> _Run:
        self._end()  # of a sampling that nothing wrapped
        self.trace.rows.clear()
        self.run = _Run(sigmas, seed)
        return self.run

    def _end(self) -> None:
        run, self.run = self.run, None
        if run is None or run.guide is None or self.settings.guidance is None:
            return
        with outside_inference_mode():
            let_go(run.guide.guidance)
            for network in self.settings.guidance.networks.values():
                # Forgets the converted copies of its weights.
                network.to(management.get_torch_device())

    def after_cfg(self, args: dict[str, Any]) -> Tensor:
        """Return the host's estimate of the clean latents, filtered and shifted."""
        denoised: Tensor = args["denoised"]
        run = self._running(denoised)
        sampling = args["model"].model_sampling
        sigma = float(args["sigma"].flatten()[0])
        steps = run.steps = run.steps or self._steps(run, sampling)
        number, run.calls = run.calls, run.calls + 1
        if not steps.within(sigma):
            return denoised
        guided = self.settings.guides and steps.is_guided(sigma, number)
        if not guided and not self.settings.filters:
            return denoised
        with outside_inference_mode():
            x, z = args["input"].clone().float(), denoised.clone().float()
            index = steps.index(sigma) if steps.sigmas else number
            context = StepContext(x, _timestep(sampling, sigma), index)
            for contract in self.settings.filters:
                z = contract(z, context)
            if guided:
                z = self._shifted(run, args["model"], z, x, context)
            return z.to(denoised.dtype)

    def _running(self, denoised: Tensor) -> _Run:
        """Return the run; one that goes round the host's own way has no beginning and no schedule.

        Another size tells the next of those.
        """
        run = self.run
        if run is None or (not run.sigmas and run.shape != denoised.shape):
            run = self._begin([], 0)
        run.shape = denoised.shape
        return run

    def _steps(self, run: _Run, sampling: Any) -> GuidedSteps:
        start, end = (
            float(sampling.percent_to_sigma(percent))
            for percent in (self.settings.start_percent, self.settings.end_percent)
        )
        return GuidedSteps(run.sigmas, start, end, self.settings.every)

    def _shifted(self, run: _Run, model: Any, z: Tensor, x: Tensor, context: StepContext) -> Tensor:
        """Shift the estimate; where memory runs out, keep less and decode in tiles."""
        guide = run.guide = run.guide or self._guide(run, model, z)

        def report(row: Record) -> None:
            run.shifts += 1
            self._report(run, row)
            stop_if_interrupted()

        while True:
            rows, shifts = len(self.trace.rows), run.shifts
            try:
                return guide(z, x, context, report)
            except torch.OutOfMemoryError as error:
                if not lighter(guide.decoder):
                    raise OutOfMemory(
                        "Decoding the picture for its guidance needs more memory than there is; "
                        "connect a small decoder (TAESD) to previewer_vae, align the face so that "
                        "only its window is decoded, or sample a smaller picture."
                    ) from error
            let_go(guide.guidance)
            del self.trace.rows[rows:]
            run.shifts = shifts
            management.soft_empty_cache()

    def _guide(self, run: _Run, model: Any, z: Tensor) -> LatentGuidance:
        given = self.settings
        assert given.guidance is not None
        networks = given.guidance.networks
        for patcher in given.patchers:
            leave_inference(patcher.model)
        for network in networks.values():
            network.to(management.get_torch_device())
        decoder = decoder_of(model.latent_format, given.vae, given.decode == "tiles")
        views, size = self._views(z, decoder.scale)
        if is_large(views, decoder.scale, given.vae):
            lighter(decoder)
        expression = self._placed(given.guidance, (len(views), 3, *size), z.device)
        return LatentGuidance(
            decoder,
            views,
            guidance_of_a_run(expression, networks),
            make_strength("dynamic", given.strength),
            given.repeats,
            given.jitter_px,
            run.seed,
            None if given.mask is None else _weight(given.mask, z),
        )

    def _placed(
        self, guidance: LoadedGuidance, shape: tuple[int, int, int, int], device: torch.device
    ) -> Expression:
        """Return the guidance fitted to the views; says what a missing placement would do."""
        try:
            expression = placed_guidance(guidance, shape, device)
        except InvalidInputError as error:
            if self.settings.placement is not None:
                raise
            raise InvalidInputError(
                f"{error} Without a placement the whole picture is taken for the face: connect "
                "the placement that Align Faces gives for the very picture that is encoded."
            ) from error
        assert expression is not None
        return expression

    def _views(self, z: Tensor, scale: int) -> tuple[list[View], tuple[int, int]]:
        """Return what is looked at, and its size in pixels."""
        placement = self.settings.placement
        if placement is None:
            size = (z.shape[-2] * scale, z.shape[-1] * scale)
            return views_of_pictures(z.shape), size
        windowed = self.settings.decode == "window"
        views = views_of_faces(placement.faces, placement.size, z.shape, scale, windowed)
        return views, (views[0].size_px, views[0].size_px)

    def _report(self, run: _Run, row: Record) -> None:
        kept: Record = {
            name: value.detach().cpu() if isinstance(value, Tensor) else value
            for name, value in row.items()
        }
        self.trace.rows.append(kept)
        steps = run.steps
        expected = steps.total * self.settings.repeats if steps is not None else 0
        send_trace(self.node_id, run.shifts, max(expected, run.shifts), kept)


def _timestep(sampling: Any, sigma: float) -> int:
    """Return a noise level's place among the model's own, from 0 to 999 as the papers count."""
    levels: Tensor = sampling.sigmas
    nearest = int((levels.float().cpu() - sigma).abs().argmin())
    return round(nearest * 999 / max(1, len(levels) - 1))


def _weight(mask: Tensor, z: Tensor) -> Tensor:
    """Return a mask as weights of the latents' cells."""
    if mask.shape[0] not in (1, z.shape[0]):
        raise InvalidInputError(
            f"mask holds {mask.shape[0]} masks, but {z.shape[0]} pictures are sampled; give one, "
            "or as many."
        )
    return F.interpolate(mask, size=tuple(z.shape[-2:]), mode="area").to(z.device)

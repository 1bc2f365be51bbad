"""Guidance on any of the host's MODELs: SD 1.5, SDXL, SD3, Flux and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .boundary import mask_from_host, outside_inference_mode, to_host
from .checked import CheckedNode
from .guide_model_inputs import guide_inputs
from .node_schema import node_schema
from .sockets import LoadedContraction, Placement, Trace, TraceIO

if TYPE_CHECKING:
    from ..pdgrad_core.guidance.latent import LatentLowPass
    from .guidance import LoadedGuidance
    from .host_model_guide import GuideSettings


class GuideModel(CheckedNode):
    """See `define_schema`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's public interface."""
        return node_schema(
            node_id="PDGradGuideModel",
            display_name="Guide Any Model",
            category="PDGrad/sampling",
            description=(
                "Lets a reference photo, or any other guidance, steer any model of pictures in "
                "any sampler: SD 1.5, SDXL, SD3, Flux. At each guided step the estimate of the "
                "clean picture is decoded, and shifted along the gradient. The model's own "
                "network is asked no more often than without it."
            ),
            inputs=guide_inputs(),
            outputs=[
                io.Model.Output(
                    "guided",
                    display_name="model",
                    tooltip="The model, guided; for KSampler and every other sampler.",
                ),
                TraceIO.Output(
                    "trace",
                    display_name="trace",
                    tooltip="For Trace Plot, whose input 'after' takes the sampler's latent: the "
                    "steps are there when it has sampled.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        decode: str | None = None,
        start_percent: float | None = None,
        end_percent: float | None = None,
        strength: float | None = None,  # noqa: ARG003  (named: a connected one's range is checked)
        every: int | None = None,  # noqa: ARG003
        repeats: int | None = None,  # noqa: ARG003
        jitter_px: float | None = None,  # noqa: ARG003
    ) -> bool | str:
        """Refuse an unknown choice and an empty part of the run before anything runs."""
        known = schema.check_choices(cls, decode=decode)
        if known is not True or start_percent is None or end_percent is None:
            return known
        if start_percent >= end_percent:
            return (
                f"start_percent ({start_percent:g}) must be smaller than end_percent "
                f"({end_percent:g}): nothing would be guided."
            )
        return True

    @classmethod
    def execute(cls, model: Any, vae: Any, **given: Any) -> io.NodeOutput:
        """Patch a clone of the model; the guidance acts when it is sampled."""
        from .host_model_guide import ModelGuide

        trace = Trace([])
        settings = _settings(model, vae, given)
        if not settings.guides and not settings.filters:
            return io.NodeOutput(model, trace)
        patched = model.clone()
        guide = ModelGuide(settings, trace, cls.hidden.unique_id)
        _attach(patched, guide, f"pdgrad_{id(guide)}")
        return io.NodeOutput(patched, trace)


def _attach(patched: Any, guide: Any, key: str) -> None:
    """Let the guide ride on a MODEL; as functions, since the host deep-copies what has a self."""
    from comfy.patcher_extension import WrappersMP

    def after_cfg(args: dict[str, Any]) -> Tensor:
        return guide.after_cfg(args)

    def sampled(executor: Any, *args: Any, **options: Any) -> Tensor:
        return guide.sampled(executor, *args, **options)

    patched.set_model_sampler_post_cfg_function(after_cfg)
    patched.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, key, sampled)
    # Loaded together with the model, so that no step waits for one to make room for the other.
    patched.set_additional_models(key, list(guide.settings.patchers))


def _settings(model: Any, vae: Any, given: dict[str, Any]) -> GuideSettings:
    """Check everything that can be checked before a step, and return it."""
    from .host_decoder import check_model, check_vae
    from .host_model_guide import GuideSettings

    guidance: LoadedGuidance | None = given.get("guidance")
    contraction: LoadedContraction | None = given.get("contraction")
    placement: Placement | None = given.get("placement")
    previewer: Any = given.get("previewer_vae")
    mask: Tensor | None = given.get("mask")
    if guidance is None and contraction is None:
        raise InvalidInputError(
            "Nothing is to be done: connect a loss or a surgery to guidance, or a low-pass to "
            "contraction."
        )
    check_model(model)
    check_vae(model, vae, "vae")
    if previewer is not None:
        check_vae(model, previewer, "previewer_vae")
    if guidance is not None:
        _check_guidance(guidance)
    if placement is not None and placement.count == 0:
        raise InvalidInputError(
            "placement holds no face, so there is nothing to guide; look at the boxes that Align "
            "Faces draws."
        )
    return GuideSettings(
        vae=vae if previewer is None else previewer,
        guidance=guidance,
        placement=placement,
        strength=given["strength"],
        start_percent=given["start_percent"],
        end_percent=given["end_percent"],
        every=given["every"],
        repeats=given["repeats"],
        jitter_px=given["jitter_px"],
        decode=given["decode"],
        mask=None if mask is None else _checked_mask(mask),
        filters=[] if contraction is None else _filters(contraction, model, vae),
    )


def _check_guidance(guidance: LoadedGuidance) -> None:
    if any(one.restorer.depends_on_x_t for one in guidance.restorers):
        raise InvalidInputError(
            "A restorer of this guidance looks at the noisy face of each step, which a latent "
            "model does not have; use a restorer that restores a photo alone (CodeFormer, GFPGAN)."
        )
    _ = guidance.networks  # refuses two networks for one purpose


def _checked_mask(mask: Tensor) -> Tensor:
    with outside_inference_mode():
        found = mask_from_host(mask)
    if float(found.max()) <= 0:
        raise InvalidInputError(
            "mask is black everywhere, so nothing would be guided; paint white where the guidance "
            "is to act."
        )
    return found.clamp(0, 1)


def _filters(contraction: LoadedContraction, model: Any, vae: Any) -> list[LatentLowPass]:
    """Return the contraction on latents; its image is encoded here, once."""
    from ..pdgrad_core.guidance.latent import in_latents
    from .host_decoder import latent_format

    form = latent_format(model)

    def encode(image: Tensor) -> Tensor:
        # The host encodes in inference mode; what it gives is not for gradients.
        encoded = form.process_in(vae.encode(to_host(image)))
        with outside_inference_mode():
            return encoded.clone().float()

    scale = int(vae.spacial_compression_encode())
    return in_latents(contraction.filters, encode, scale)


NODES = [GuideModel]

"""What Guide Any Model was given, checked, and how its guide is put on a MODEL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.guidance.latent import LatentLowPass, in_latents
from .boundary import mask_from_host, outside_inference_mode, to_host
from .host_decoder import check_model, check_vae, latent_format
from .host_model_guide import GuideSettings, ModelGuide

if TYPE_CHECKING:
    from .guidance import LoadedGuidance
    from .sockets import LoadedContraction, Placement


def attach(patched: Any, guide: ModelGuide, key: str) -> None:
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


def settings_of(model: Any, vae: Any, given: dict[str, Any]) -> GuideSettings:
    """Check everything that can be checked before a step, and return it."""
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
    form = latent_format(model)

    def encode(image: Tensor) -> Tensor:
        # The host encodes in inference mode; what it gives is not for gradients.
        encoded = form.process_in(vae.encode(to_host(image)))
        with outside_inference_mode():
            return encoded.clone().float()

    scale = int(vae.spacial_compression_encode())
    return in_latents(contraction.filters, encode, scale)

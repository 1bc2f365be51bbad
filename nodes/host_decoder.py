"""The host's VAE as a decoder through which gradients pass, and whether it fits a MODEL."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.model_management as management
import torch
from torch import Tensor, nn

from ..pdgrad_core.errors import InvalidInputError
from ..pdgrad_core.guidance.latent import Decoder, View

logger = logging.getLogger(__name__)

BYTES_PER_PIXEL = 24_000
"""What an SD decoder keeps for its gradient in float32, per pixel, about."""


def check_model(model: Any) -> None:
    """Raise InvalidInputError for a MODEL whose latents are no pictures."""
    form = latent_format(model)
    dimensions = getattr(form, "latent_dimensions", 2)
    if dimensions != 2:
        kind = {1: "sound", 3: "video"}.get(dimensions, f"{dimensions}-dimensional")
        raise InvalidInputError(
            f"This model samples {kind} latents, which cannot be guided by a picture; connect a "
            "model of still pictures (SD 1.5, SDXL, SD3, Flux and their relatives)."
        )


def check_vae(model: Any, vae: Any, what: str) -> None:
    """Raise InvalidInputError unless a VAE decodes the latents that a MODEL samples.

    Args:
        model: The host's MODEL.
        vae: The host's VAE.
        what: The input's name.
    """
    if getattr(vae, "first_stage_model", None) is None:
        raise InvalidInputError(
            f"{what} holds no weights: the checkpoint has no VAE. Load one with Load VAE."
        )
    if getattr(vae, "latent_dim", 2) != 2 or getattr(vae, "output_channels", 3) != 3:
        raise InvalidInputError(
            f"{what} decodes video or sound, but guidance needs a picture at each step; connect "
            "the VAE of a model of still pictures."
        )
    channels, found = latent_format(model).latent_channels, vae.latent_channels
    if channels != found:
        raise InvalidInputError(
            f"{what} decodes latents of {found} channels, but the model samples {channels}; "
            "connect the VAE that belongs to the model."
        )


def latent_format(model: Any) -> Any:
    """Return the host's description of a MODEL's latents."""
    return model.model.latent_format


@dataclass(frozen=True)
class _Scaled:
    """A line x -> factor x + shift, per channel where it has several."""

    factor: Tensor
    shift: Tensor

    @classmethod
    def of(cls, function: Any, channels: int) -> _Scaled:
        """Read a line off a function of the host's, so that none of its tensors takes part.

        Raises:
            InvalidInputError: It is no line.
        """
        shape = (1, channels, 1, 1)
        zero, one, two = (
            function(torch.full(shape, value)).clone().float() for value in (0.0, 0.25, 0.5)
        )
        found = cls(4 * (one - zero), zero)
        if not torch.allclose(found(torch.full(shape, 0.5)), two, atol=1e-4):
            raise InvalidInputError(
                "The latents of this model are no scaled VAE latents, so that no gradient can be "
                "passed to them; use another model."
            )
        return found

    def __call__(self, x: Tensor) -> Tensor:
        return x * self.factor.to(x) + self.shift.to(x)


@dataclass(frozen=True, eq=False)
class HostDecode:
    """The VAE's own network, without what the host does around it: it clamps, moves and detaches.

    Attributes:
        network: Has `decode`.
        device: Where it is.
        dtype: Of its weights.
        latents: From the latents that are sampled to the VAE's.
        pixels: From what the network gives to [-1, 1].
    """

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    latents: _Scaled
    pixels: _Scaled

    def __call__(self, z: Tensor) -> Tensor:
        """Return pixels; see `Decoder.decode`."""
        network: Any = self.network
        given = self.latents(z).to(device=self.device, dtype=self.dtype)
        found = network.decode(given)
        return self.pixels(found.to(device=z.device, dtype=torch.float32))

    def in_float32(self) -> HostDecode:
        """Return the same with a copy of the network in float32."""
        logger.warning("The VAE overflows in %s; guidance goes on in float32.", self.dtype)
        network = copy.deepcopy(self.network)
        for unused in ("encoder", "taesd_encoder"):
            if hasattr(network, unused):
                delattr(network, unused)
        return replace(self, network=network.float(), dtype=torch.float32)


def decoder_of(form: Any, vae: Any, tiled: bool = False) -> Decoder:
    """Return a decoder of a MODEL's latents; called outside inference mode.

    Args:
        form: The latents, see `latent_format`.
        vae: The host's VAE, loaded, its weights no inference tensors.
        tiled: Whether it decodes in tiles.
    """
    channels = vae.latent_channels
    decode = HostDecode(
        vae.first_stage_model,
        vae.device,
        vae.vae_dtype,
        _Scaled.of(form.process_out, channels),
        _pixel_range(vae),
    )
    scale = int(vae.spacial_compression_decode())
    found = Decoder(decode, scale, tiled=tiled)

    def precise() -> Decoder:
        wide = decode.in_float32()
        kept = None if found.module is None else decoder_network(wide.network)
        return Decoder(wide, scale, kept, found.tiled)

    if decode.dtype != torch.float32:
        found.precise = precise
    return found


def decoder_network(network: nn.Module) -> nn.Module:
    """Return the half of an autoencoder that decodes; of an unknown kind the whole."""
    for name in ("decoder", "taesd_decoder"):
        if isinstance(getattr(network, name, None), nn.Module):
            return getattr(network, name)
    return network


def lighter(decoder: Decoder) -> bool:
    """Let a decoder keep less; False where it keeps the least already."""
    if decoder.module is None and isinstance(decoder.decode, HostDecode):
        decoder.module = decoder_network(decoder.decode.network)
        return True
    if not decoder.tiled:
        decoder.tiled = True
        return True
    return False


def is_large(views: Sequence[View], scale: int, vae: Any) -> bool:
    """Return whether what a decoder would keep for one view fills half of the free memory."""
    cells = max(view.height * view.width for view in views)
    kept = cells * scale**2 * BYTES_PER_PIXEL * vae.vae_dtype.itemsize / 4
    return kept > management.get_free_memory(vae.device) / 2


def _pixel_range(vae: Any) -> _Scaled:
    """Return what brings a VAE's own output to [-1, 1]; the host's function clamps to [0, 1]."""
    low, high = (float(vae.process_output(torch.tensor([value]))[0]) for value in (0.25, 0.5))
    slope = (high - low) / 0.25
    return _Scaled(torch.tensor(2 * slope), torch.tensor(2 * (low - 0.25 * slope) - 1))

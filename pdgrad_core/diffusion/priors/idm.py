"""IDM: a conditional U-Net that restores from the degraded face itself, told the noise level."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ...checkpoints import Checkpoint, build_strict, warn_if_test
from ...errors import InvalidInputError, WrongArchitectureError
from ..noise_levels import LevelSchedule
from ..prior import Prediction, PriorOutput
from ..schedule import Schedule
from ..unet import UNet, UNetConfig, config_from_state_dict
from .base import PRIORS
from .guided_diffusion import DiffusionPrior, PriorConfig, config_from_metadata

LEVEL_SCALE = 1000.0
"""Factor of sqrt(gamma) before the sinusoidal embedding, which expects timesteps from 0 to 999."""

PREDICTIONS: tuple[Prediction, ...] = ("x0", "eps")
"""What an IDM may predict: eq. 7, the paper's choice, or eq. 6."""

IDM_512 = UNetConfig(
    width=128,
    channel_mult=(1, 1, 1, 2, 2, 4, 4),
    num_res_blocks=(2, 2, 2, 2, 2, 2, 2),
    attention_levels=(4, 5, 6),
    learn_sigma=False,
    scale_shift_norm=False,
)
"""The paper's network as far as it says: DDPM's blocks, attention at 32, 16 and 8 px, 512 px."""

# By what shapes tell, as in `guided_diffusion`: files without a description of their own.
_KNOWN = {
    IDM_512.shape: PriorConfig(image_size=512, prediction="x0", variance="fixed_large"),
}

_FIRST = "input_blocks.0.0.weight"
_LAST = "out.2.weight"


class IDMNetwork(UNet):
    """f(x_d, x_t, gamma): the U-Net with x_d beside x_t at its input, six channels.

    Source: IDM section 3.2 and figure 4; the noise level in place of t, SR3 (Saharia et al. 2021).
    Deviations: 1000 sqrt(gamma) goes through the embedding of timesteps: sqrt(gamma), the weight
        of x_0 in x_t, uses the embedding's range better than gamma, half of whose timesteps lie
        below 0.08.
    """

    def _encoder(self, in_channels: int) -> tuple[nn.ModuleList, list[int]]:
        return super()._encoder(2 * in_channels)

    def estimate(self, degraded: Tensor, x_t: Tensor, gamma: Tensor) -> Tensor:
        """Return the network's prediction.

        Args:
            degraded: x_d, `(B, 3, H, W)` in [-1, 1].
            x_t: The same shape.
            gamma: Abar of x_t, `(B,)` in (0, 1).

        Returns:
            `(B, 3, H, W)`: x0hat or eps, as it was trained.
        """
        return self(*beside(degraded, x_t, gamma))


def beside(degraded: Tensor, x_t: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the U-Net is called with for `IDMNetwork.estimate`'s arguments."""
    return torch.cat([degraded, x_t], dim=1), LEVEL_SCALE * gamma.sqrt()


@PRIORS.register("idm")
class IDMPrior(DiffusionPrior):
    """IDM as a prior: nothing without y, so it is told of it by `conditioned_on`.

    Source: IDM section 3.2; eq. 8 is DDPM's step with the variance beta_t, "fixed_large".
    Deviations: x0hat is clipped to [-1, 1]; the last step adds no noise.

    Args:
        network: The U-Net with six input channels, in evaluation mode.
        config: What the network's output means.
        checkpoint: Where it came from, for reports.

    Raises:
        InvalidInputError: It is said to predict what an IDM does not.
    """

    weights = ("idm-512",)
    network: IDMNetwork  # pyright: ignore[reportIncompatibleVariableOverride]
    schedule: Schedule
    degraded: Tensor | None = None

    def __init__(
        self,
        network: IDMNetwork,
        config: PriorConfig,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        if config.prediction not in PREDICTIONS:
            raise InvalidInputError(
                f"An IDM predicts {' or '.join(PREDICTIONS)}, not {config.prediction!r}; "
                "correct the prediction in its metadata."
            )
        super().__init__(network, config, checkpoint)
        self.schedule = LevelSchedule.linear_with(config.num_train_timesteps)

    @classmethod
    def recognises(cls, checkpoint: Checkpoint) -> bool:
        """See `LoadedPrior`: twice as many channels enter as leave, which no other prior has."""
        first, last = checkpoint.tensors.get(_FIRST), checkpoint.tensors.get(_LAST)
        if first is None or last is None or first.ndim < 2:
            return False
        return first.shape[1] == 2 * last.shape[0]

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        config: PriorConfig | None = None,
        **_options: Any,
    ) -> Self:
        """Build the network from the tensors' shapes and load them.

        Args:
            checkpoint: With guided-diffusion's key names.
            config: What shapes cannot tell, where metadata does not say it.
            **_options: None.

        Raises:
            WrongArchitectureError: The file is of another network, or nothing describes it, or its
                metadata says that it predicts something else than the config does.
            InvalidInputError: Its metadata says it predicts what an IDM does not.
        """
        if not cls.recognises(checkpoint):
            raise WrongArchitectureError(
                f"{checkpoint.name} is not a checkpoint of IDM, whose first layer takes the "
                f"degraded face beside x_t; {_found(checkpoint)}."
            )
        shape = config_from_state_dict(_as_unconditional(checkpoint.tensors))
        found = _description(checkpoint, config) or _KNOWN.get(shape.shape)
        if found is None:
            raise WrongArchitectureError(
                f"{checkpoint.name} is an IDM of width {shape.width}, but does not say for which "
                "size of face nor what it predicts; give a safetensors file with "
                "pdgrad.image_size and pdgrad.prediction (x0 or eps) as metadata."
            )
        described = replace(
            shape,
            num_head_channels=found.num_head_channels,
            new_attention_order=found.new_attention_order,
        )
        network = build_strict(lambda: IDMNetwork(described), checkpoint, "IDM")
        warn_if_test(checkpoint)
        return cls(network, found, checkpoint)

    def conditioned_on(self, degraded: Tensor) -> Self:
        """Return this prior for restoring y `(B, 3, H, W)` in [-1, 1]; this one stays as it is.

        Raises:
            InvalidInputError: y is no batch of RGB images of a size that the network takes.
        """
        if degraded.ndim != 4 or degraded.shape[1] != 3:
            raise InvalidInputError(
                "IDM takes degraded faces (B, 3, H, W), without a mask or other channels, not "
                f"{tuple(degraded.shape)}."
            )
        self.check_size(*degraded.shape[-2:])
        told = copy.copy(self)
        told.degraded = degraded
        return told

    def check_told(self) -> None:
        """See `LoadedPrior`: without y there is nothing to restore."""
        self._told()

    def _told(self) -> Tensor:
        if self.degraded is None:
            raise InvalidInputError(
                "IDM restores a degraded face and was told of none; use it through a recipe "
                "(Restore Face, `pdgrad restore`) or as restorer, not for plain sampling."
            )
        return self.degraded

    def __call__(self, x_t: Tensor, t: int) -> PriorOutput:
        """Evaluate the network for the face it was told of; see `Prior`.

        Raises:
            InvalidInputError: It was told of none, or of a batch of another shape.
        """
        degraded = self._told()
        if degraded.shape != x_t.shape:
            raise InvalidInputError(
                f"IDM was told of faces {tuple(degraded.shape)}, but is to sample "
                f"{tuple(x_t.shape)}; give as many noise images of the same size."
            )
        level = float(self.schedule.alphas_cumprod[t])
        gamma = torch.full((len(x_t),), level, device=x_t.device)
        (estimate,) = (self.replay or self.evaluate)(*beside(degraded.to(x_t), x_t, gamma))
        return PriorOutput(estimate)


def _description(checkpoint: Checkpoint, config: PriorConfig | None) -> PriorConfig | None:
    """Return what the file's metadata says, else the config, else None; they must agree."""
    written = config_from_metadata(checkpoint.metadata, checkpoint.name)
    if written is None or config is None or written.prediction == config.prediction:
        return written or config
    raise WrongArchitectureError(
        f"{checkpoint.name} says that it predicts {written.prediction}, and is to be used as if it "
        f"predicted {config.prediction}; leave that out, or correct its metadata."
    )


def _as_unconditional(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with the first layer's part for x_t only, whose shapes tell the rest."""
    first = tensors[_FIRST]
    return {**tensors, _FIRST: first[:, first.shape[1] // 2 :]}


def _found(checkpoint: Checkpoint) -> str:
    first = checkpoint.tensors.get(_FIRST)
    if first is None or first.ndim < 2:
        return "it is no diffusion U-Net; choose a file that scripts/train.py idm made"
    return (
        f"this U-Net takes {first.shape[1]} channels and is an unconditional prior; load it as "
        "prior, or choose a file that scripts/train.py idm made"
    )

"""Guided-diffusion U-Nets: the FFHQ-512 prior of the papers, and every smaller one like it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor
from typing_extensions import Self

from ...checkpoints import Checkpoint, load_strict, warn_if_test
from ...errors import InvalidInputError, WrongArchitectureError
from ..prior import Prediction, PriorOutput, VarianceKind
from ..schedule import Schedule
from ..unet import UNet, UNetConfig, best_memory_format, config_from_state_dict
from .base import PRIORS, LoadedPrior

if TYPE_CHECKING:
    from ...replay import Replay

METADATA_PREFIX = "pdgrad."
"""Prefix of the safetensors metadata entries that describe a prior, as in "pdgrad.image_size"."""


@dataclass(frozen=True)
class PriorConfig:
    """What a state dict's shapes cannot tell about a diffusion prior.

    Attributes:
        image_size: Side of the training images in pixels.
        num_head_channels: Channels of an attention head.
        new_attention_order: See `UNetConfig`.
        num_train_timesteps: T of the linear schedule.
        prediction: What the network predicts.
        variance: Used where sigma is not learned: "fixed_small" or "fixed_large".
    """

    image_size: int
    num_head_channels: int = 64
    new_attention_order: bool = False
    num_train_timesteps: int = 1000
    prediction: Prediction = "eps"
    variance: VarianceKind = "fixed_large"

    def to_metadata(self) -> dict[str, str]:
        """Return the entries that `config_from_metadata` reads."""
        values = {
            "image_size": self.image_size,
            "num_head_channels": self.num_head_channels,
            "new_attention_order": int(self.new_attention_order),
            "num_train_timesteps": self.num_train_timesteps,
            "prediction": self.prediction,
            "variance": self.variance,
        }
        return {METADATA_PREFIX + key: str(value) for key, value in values.items()}


def config_from_metadata(metadata: Mapping[str, str], name: str) -> PriorConfig | None:
    """Read a prior's description from string metadata; None where there is none.

    Args:
        metadata: Entries such as "pdgrad.image_size": "64".
        name: The file, for the error.

    Raises:
        WrongArchitectureError: An entry cannot be understood.
    """
    found = {
        key[len(METADATA_PREFIX) :]: value
        for key, value in metadata.items()
        if key.startswith(METADATA_PREFIX)
    }
    if "image_size" not in found:
        return None
    try:
        config = PriorConfig(
            image_size=int(found["image_size"]),
            num_head_channels=int(found.get("num_head_channels", 64)),
            new_attention_order=bool(int(found.get("new_attention_order", 0))),
            num_train_timesteps=int(found.get("num_train_timesteps", 1000)),
            prediction=_choice(found.get("prediction", "eps"), Prediction),
            variance=_choice(found.get("variance", "fixed_large"), VarianceKind),
        )
    except ValueError as error:
        raise WrongArchitectureError(
            f"The metadata of {name} cannot be understood ({error}); it needs {METADATA_PREFIX}"
            "image_size, num_head_channels, prediction (eps, x0, v) and num_train_timesteps."
        ) from error
    return config


def _choice(value: str, kind: object) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"{value!r} is not one of {', '.join(get_args(kind))}")
    return value


# Published checkpoints, recognised by what their shapes do tell (UNetConfig.shape).
_KNOWN: dict[tuple[object, ...], PriorConfig] = {
    # DifFace's FFHQ-512, iddpm_ffhq512_ema500000.pth.
    UNetConfig(32, (1, 2, 4, 8, 8, 16, 16), (1, 2, 2, 2, 2, 3, 4), (4, 5, 6)).shape: PriorConfig(
        image_size=512
    ),
    # OpenAI's ImageNet-256, 256x256_diffusion_uncond.pt.
    UNetConfig(
        256, (1, 1, 2, 2, 4, 4), (2, 2, 2, 2, 2, 2), (3, 4, 5), resblock_updown=True
    ).shape: PriorConfig(image_size=256),
}


@PRIORS.register("guided_diffusion")
class DiffusionPrior(LoadedPrior):
    """A guided-diffusion U-Net with its schedule.

    Args:
        network: The U-Net, in evaluation mode.
        config: What the network's output means.
        checkpoint: Where it came from, for reports.
    """

    weights = ("ffhq512-prior",)
    network: UNet
    replay: "Replay | None" = None
    """Where set, the network is replayed."""
    compiled: Callable[..., Tensor] | None = None
    """Where set, the network's compiled form, which computes instead of it."""
    fused_norms: object | None = None
    """Where set, what computes the network's norms; see `models.fused_norms`."""

    def __init__(
        self, network: UNet, config: PriorConfig, checkpoint: Checkpoint | None = None
    ) -> None:
        frozen = network.eval().requires_grad_(False)
        self.network = frozen  # pyright: ignore[reportIncompatibleVariableOverride]
        self.config = config
        self.schedule = Schedule.linear(config.num_train_timesteps)
        self.prediction: Prediction = config.prediction
        self.variance: VarianceKind = (
            "learned_range" if network.config.learn_sigma else config.variance
        )
        self.image_size = config.image_size
        self.path = checkpoint.path if checkpoint else None
        self.is_test = bool(checkpoint and checkpoint.is_test)

    @classmethod
    def recognises(cls, checkpoint: Checkpoint) -> bool:
        """See `LoadedPrior`: a U-Net from which not fewer channels leave than enter."""
        first = checkpoint.tensors.get("input_blocks.0.0.weight")
        last = checkpoint.tensors.get("out.2.weight")
        if first is None or last is None or first.ndim < 2:
            return first is not None
        return last.shape[0] >= first.shape[1]

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: PriorConfig | None = None, **_options: Any
    ) -> Self:
        """Build the U-Net from the tensors' shapes and load them.

        What shapes cannot tell comes from `config`, else from the file's metadata, else from a
        table of published checkpoints.

        Args:
            checkpoint: With the official key names ("module." prefix or not).
            config: What shapes cannot tell, where file and table do not say it either.
            **_options: None.

        Raises:
            CheckpointError: The file is of another architecture, or one that nothing describes.
        """
        shape = config_from_state_dict(checkpoint.tensors)
        found = config or config_from_metadata(checkpoint.metadata, checkpoint.name)
        found = found or _KNOWN.get(shape.shape)
        if found is None:
            raise WrongArchitectureError(
                f"{checkpoint.name} is a guided-diffusion U-Net of width {shape.width} with levels "
                f"{shape.channel_mult}, which is none of the known checkpoints, and its image size "
                "and attention heads cannot be read off the weights; give a config, or a "
                f"safetensors file with {METADATA_PREFIX}image_size and "
                f"{METADATA_PREFIX}num_head_channels as metadata."
            )
        network_config = replace(
            shape,
            num_head_channels=found.num_head_channels,
            new_attention_order=found.new_attention_order,
        )
        with torch.device("meta"):
            network = UNet(network_config)
        network.to_empty(device="cpu")
        load_strict(network, checkpoint, "this guided-diffusion U-Net")
        warn_if_test(checkpoint)
        return cls(network, found, checkpoint)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Self:
        """Move the network and set the dtype in which it computes; returns self."""
        if self.replay is not None:
            self.replay.forget()
        if device is not None:
            self.network.to(device=device)
        if dtype is not None:
            self.network.to(dtype=dtype)
        weight = next(self.network.parameters())
        memory_format = best_memory_format(weight.device, weight.dtype)
        self.network.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what could not be done as it was asked for: compiling, replaying, fusing norms."""
        parts = (self.compiled, self.replay, self.fused_norms)
        return tuple(note for part in parts for note in getattr(part, "notes", ()))

    def reset(self) -> None:
        """Drop a recording whose weights have been moved since an earlier run."""
        if self.replay is not None:
            self.replay.renew()

    def evaluate(self, x_t: Tensor, timesteps: Tensor) -> tuple[Tensor]:
        """Return the network's raw output alone, for original timesteps `(B,)`."""
        return ((self.compiled or self.network)(x_t, timesteps),)

    def check_size(self, height: int, width: int) -> None:
        """Raise InvalidInputError unless the network can take images of this size in pixels."""
        multiple = self.network.config.downsampling
        if height % multiple or width % multiple:
            raise InvalidInputError(
                f"This prior needs sides that are multiples of {multiple} (it was trained at "
                f"{self.image_size}x{self.image_size}), not {width}x{height}; resize the image."
            )

    def __call__(self, x_t: Tensor, t: int) -> PriorOutput:
        """Evaluate the network; see `Prior`."""
        timesteps = torch.full((x_t.shape[0],), t, device=x_t.device)
        (output,) = (self.replay or self.evaluate)(x_t, timesteps)
        if not self.network.config.learn_sigma:
            return PriorOutput(output)
        prediction, fraction = output.chunk(2, dim=1)
        return PriorOutput(prediction, fraction)

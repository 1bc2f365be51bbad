"""Training presets as data: one row per network, every number in one place.

An objective's own file may bring its presets with it, by `add_preset`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import DuplicateNameError, InvalidInputError
from ..registry import unknown_name

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run, but for the pictures.

    Progress is counted in images, so that a change of the batch size changes nothing else.

    Attributes:
        objective: Name in `OBJECTIVES`.
        network: The objective's options that shape the network, out of its `network_keys`.
        options: The objective's other options, out of its `option_defaults`.
        image_size: Side of the pictures in pixels.
        batch_size: Images of one step.
        total_images: Length of the run.
        learning_rate: Adam's, at its highest.
        warmup_images: The rate rises linearly over these first images.
        cooldown_images: The rate falls linearly to 0 over these last images.
        betas: Adam's.
        weight_decay: AdamW's, decoupled; on matrices and kernels only.
        gradient_clip: Largest norm of the gradient; 0 for no limit.
        ema_std: Width of a power-function average, relative to the run's length; None for a plain
            one.
        ema_halflife: Half-life in images of a plain average.
        snapshot_images: A checkpoint, a validation and a sheet are made this often.
        flip: Whether half of the images are mirrored.
        precision: "auto" takes bfloat16 on CUDA where it is fast; see `precision.autocast`.
        seed: Of the initial weights and of every draw.
    """

    objective: str
    network: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    image_size: int = 64
    batch_size: int = 32
    total_images: int = 100_000
    learning_rate: float = 5e-4
    warmup_images: int = 4_000
    cooldown_images: int = 20_000
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    ema_std: float | None = 0.1
    ema_halflife: int = 5_000
    snapshot_images: int = 20_000
    flip: bool = True
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "total_images", "snapshot_images", "image_size"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInputError(
                f"learning_rate must be a positive number, not {self.learning_rate}."
            )
        if self.precision not in PRECISIONS:
            raise InvalidInputError(
                f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}."
            )

    def learning_rate_at(self, images: int) -> float:
        """Return the rate after so many images: a ramp up, a plateau, a ramp down to 0."""
        up = (images + self.batch_size) / max(self.warmup_images, 1)
        down = (self.total_images - images) / max(self.cooldown_images, 1)
        return self.learning_rate * max(0.0, min(1.0, up, down))


_PRIOR = TrainingConfig(
    objective="prior",
    # Not width 32: 32 norm groups of one channel each make instance norms, and the network then
    # hides a spike in one corner of its feature maps, which shows in every sample.
    network={
        "width": 64,
        "channel_mult": (1, 1, 1.5),
        "num_res_blocks": (1, 1, 1),
        "attention_levels": (2,),
        "patch_size": 2,
        "num_head_channels": 32,
    },
    options={"prediction": "v"},
    batch_size=16,
    total_images=100_000,
    learning_rate=7e-4,
    cooldown_images=40_000,
    ema_std=0.08,
)

_IDENTITY = TrainingConfig(
    objective="identity",
    network={"layers": (1, 2, 2, 1), "widths": (16, 32, 64, 128), "embedding_dim": 128},
    options={"scale": 24.0, "margin": 0.3},
    batch_size=64,
    total_images=80_000,
    learning_rate=2e-3,
    cooldown_images=40_000,
    weight_decay=0.05,
    ema_std=0.05,
)

_PERCEPTUAL = TrainingConfig(
    objective="perceptual",
    network={"widths": (16, 32, 64, 96, 96)},
    batch_size=16,
    total_images=80_000,
    learning_rate=7e-4,
    cooldown_images=40_000,
    ema_std=0.05,
    flip=False,  # left and right matter: the pose is among the attributes
)

PRESETS: dict[str, TrainingConfig] = {
    "prior": _PRIOR,
    # What a GPU is for: the same network, wider and deeper, at twice the side.
    "prior-128": replace(
        _PRIOR,
        network={
            "width": 96,
            "channel_mult": (1, 2, 2, 4),
            "num_res_blocks": (2, 2, 2, 2),
            "attention_levels": (2, 3),
            "patch_size": 2,
            "num_head_channels": 64,
        },
        image_size=128,
        batch_size=256,
        total_images=20_000_000,
        learning_rate=4e-4,
        warmup_images=200_000,
        cooldown_images=4_000_000,
        snapshot_images=1_000_000,
    ),
    "coarse": TrainingConfig(
        objective="coarse",
        network={"width": 24, "blocks": 3},
        options={"degradation": "pdgrad"},
        batch_size=32,
        total_images=100_000,
        learning_rate=1e-3,
        cooldown_images=60_000,
        ema_std=0.05,
    ),
    "identity": _IDENTITY,
    "perceptual": _PERCEPTUAL,
    # Whoever guides does not score: other seeds, other shapes.
    "scorer-identity": replace(
        _IDENTITY,
        # Multiples of 16, so that every convolution may be channels-last (`to_training_layout`).
        network={"layers": (2, 1, 2, 1), "widths": (16, 32, 48, 96), "embedding_dim": 96},
        options={"scale": 24.0, "margin": 0.25},
        total_images=60_000,
        seed=1,
    ),
    "scorer-perceptual": replace(_PERCEPTUAL, network={"widths": (12, 24, 48, 72, 80)}, seed=1),
}
"""The presets by name; those of an objective's own file are there once it is imported."""


def add_preset(name: str, config: TrainingConfig) -> None:
    """Enter a preset, for an objective whose file is not this package's to list here.

    Called in that file, below its class: the file then is all that `scripts/train.py NAME` needs.

    Raises:
        DuplicateNameError: Another preset already has this name.
    """
    if name in PRESETS:
        raise DuplicateNameError(
            f"Two training presets are named {name!r}, of the objectives "
            f"{PRESETS[name].objective!r} and {config.objective!r}; rename one."
        )
    PRESETS[name] = config


def preset(name: str, **changes: Any) -> TrainingConfig:
    """Return a preset, with some of its fields changed.

    Raises:
        UnknownNameError: There is no preset of this name.
        InvalidInputError: A changed field is out of range.
    """
    if name not in PRESETS:
        raise unknown_name("training preset", name, list(PRESETS))
    return replace(PRESETS[name], **changes)

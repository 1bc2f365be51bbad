"""StyleGAN2's discriminator as a feature network: it tells photographs from inventions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..checkpoints import build_strict, load_checkpoint, warn_if_test
from ..errors import InvalidInputError, WrongArchitectureError
from ..registry import unknown_name
from .base import FEATURES, FeatureNetwork, Features, required

if TYPE_CHECKING:
    from ..gan.discriminator import StyleGANDiscriminator


@FEATURES.register("discriminator")
class Discriminator(FeatureNetwork):
    """The discriminator as a feature network; its one tap is the score.

    Deviations: each image is judged alone, so that no image's guidance depends on its batch mates;
    to the network that is a batch of one.

    Args:
        network: The network with its weights.
    """

    name = "discriminator"
    weights = ("gpen-discriminator",)

    def __init__(self, network: StyleGANDiscriminator) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def load(
        cls, path: Path | str | None = None, device: torch.device | str = "cpu"
    ) -> Discriminator:
        """See `load_discriminator`."""
        return load_discriminator(required(path, "discriminator"), device)

    @property
    def module(self) -> nn.Module:
        """See `FeatureNetwork`."""
        return self.network

    def check_taps(self, taps: Sequence[str]) -> None:
        """Accept "score" only; see `FeatureNetwork`."""
        for tap in taps:
            if tap != "score":
                raise unknown_name("tap of the discriminator", tap, ["score"])

    def to(self, device: torch.device | str) -> Discriminator:
        """Move the network; returns self."""
        self.network.to(device)
        return self

    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """Return the score `(B, 1)`; see `FeatureNetwork`.

        Raises:
            InvalidInputError: The image's size is not the network's.
        """
        self.check_taps(taps)
        size = self.network.image_size
        if image.shape[-2:] != (size, size):
            raise InvalidInputError(
                f"This discriminator judges images of {size}x{size} pixels, not "
                f"{image.shape[-1]}x{image.shape[-2]}; use a prior of that size."
            )
        return {"score": self.network(image)}


def load_discriminator(path: Path | str, device: torch.device | str = "cpu") -> Discriminator:
    """Load a discriminator; its image size and widths are read off the file.

    Args:
        path: `GPEN-BFR-512-D.pth`, or any file with its keys.
        device: Where the network is put.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    from ..gan.discriminator import StyleGANDiscriminator

    checkpoint = load_checkpoint(path)
    tensors = checkpoint.tensors
    blocks = {key.split(".")[1] for key in tensors if key.startswith("convs.")}
    names = [f"convs.{i}.conv2.2.bias" for i in range(1, len(blocks))]
    try:
        widths = [tensors[key].shape[0] for key in ("convs.0.1.bias", *names)]
    except (KeyError, IndexError) as error:
        raise WrongArchitectureError(
            f"{checkpoint.name} is no discriminator of GPEN: it lacks the tensor {error}. Choose "
            "GPEN-BFR-512-D.pth."
        ) from error
    with torch.inference_mode(False):
        network = build_strict(
            lambda: StyleGANDiscriminator(widths), checkpoint, "GPEN's discriminator"
        )
        warn_if_test(checkpoint)
        return Discriminator(network).to(device)

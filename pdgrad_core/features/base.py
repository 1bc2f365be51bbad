"""What guidance asks of a feature network: its features, and the way back to the image."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InvalidInputError
from ..registry import Registry

FEATURES: "Registry[type[FeatureNetwork]]" = Registry("feature network")
"""The feature networks by the name under which losses ask for them."""

Features = dict[str, Tensor]
"""Features by tap name, each `(B, ...)`."""

Pullback = Callable[[Sequence[Features]], Tensor]
"""Maps G cotangents (dL/dfeature by tap, each `(B, ...)`) to gradients `(G, B, 3, H, W)`."""


@dataclass(frozen=True)
class Precision:
    """In which dtypes a network's forward pass and its adjoint compute.

    Attributes:
        forward: The forward's rounding decides which way ReLU and pooling go: the gradient's error
            is about its square root. float64 is for comparisons, of a network in float64.
        backward: The adjoint's rounding enters once, linearly.
        split: Whether the float32 forward's convolutions run on a GPU's TF32 units, operands in two
            parts (`split_tf32`), in networks whose adjoint is written out.
    """

    forward: torch.dtype = torch.float32
    backward: torch.dtype = torch.float32
    split: bool = False

    @property
    def convolution(self) -> Callable[..., Tensor]:
        """What convolves in the forward: `conv2d` of PyTorch, or of `split_tf32`."""
        if not self.split:
            return F.conv2d
        from ..split_tf32 import conv2d

        return conv2d


class FeatureNetwork(ABC):
    """A frozen network with named taps.

    Attributes:
        name: Which network this is; losses ask for it by this name ("arcface", "vgg", "pixels").
        weights: Names in the catalogue of the files that hold its weights, the first choice first;
            none where it has no weights.
        precision: Dtypes of `vjp`; 16-bit features and gradients come back as float32.
        compiled: Whether what has a compiled form runs in it.
        replayed: Whether a guidance that looks through it is replayed, where the device can.
        unpools_at_once: Whether the adjoint of pooling takes all groups in one kernel.
    """

    name: str
    weights: ClassVar[tuple[str, ...]] = ()
    precision: Precision = Precision()
    compiled: bool = False
    replayed: bool = False
    unpools_at_once: bool = False

    @classmethod
    def load(
        cls, path: Path | str | None = None, device: torch.device | str = "cpu"
    ) -> "FeatureNetwork":
        """Load the network; one without weights is just made.

        Args:
            path: The weight file.
            device: Where the network is put.

        Raises:
            CheckpointError: The file is missing, damaged, or of another network.
            InvalidInputError: The network has no weights to load.
        """
        if path is not None or cls.weights:
            raise InvalidInputError(f"{cls.__name__} cannot be loaded from a file here.")
        return cls().to(device)

    @property
    def module(self) -> nn.Module | None:
        """The module whose memory a host counts and moves; None for none."""
        return None

    @property
    def cotangent_dtype(self) -> torch.dtype:
        """In what a loss may hand its cotangents to the pullback.

        That of the adjoint where it has float32's range; float16 needs a scale first.
        """
        backward = self.precision.backward
        return torch.float32 if backward == torch.float16 else backward

    @abstractmethod
    def features(self, image: Tensor, taps: Sequence[str]) -> Features:
        """Return features, differentiable by autograd.

        Args:
            image: `(B, 3, H, W)` in [-1, 1].
            taps: Names of the taps wanted.
        """

    @abstractmethod
    def check_taps(self, taps: Sequence[str]) -> None:
        """Raise UnknownNameError if this network lacks one of the taps."""

    def to(self, device: torch.device | str) -> "FeatureNetwork":  # noqa: ARG002
        """Move the network; returns self."""
        return self

    def vjp(self, image: Tensor, taps: Sequence[str]) -> tuple[Features, Pullback]:
        """Return the features and the pullback at `image`, by ONE forward pass.

        This default differentiates `features` by autograd, one backward pass per cotangent. A
        network with a written-out adjoint overrides it; the default remains its oracle in the
        tests.

        Args:
            image: `(B, 3, H, W)` in [-1, 1].
            taps: Names of the taps wanted.
        """
        # Nodes of the host run in inference mode, where autograd records nothing.
        with torch.inference_mode(False), torch.enable_grad():
            leaf = image.detach().clone().requires_grad_()
            features = self.features(leaf, taps)

        def pullback(cotangents: Sequence[Features]) -> Tensor:
            with torch.inference_mode(False):
                gradients = [
                    torch.autograd.grad(
                        [features[tap] for tap in cotangent],
                        leaf,
                        [value.clone() for value in cotangent.values()],
                        retain_graph=True,
                    )[0]
                    for cotangent in cotangents
                ]
                return torch.stack(gradients)

        return {tap: value.detach() for tap, value in features.items()}, pullback


def required(path: Path | str | None, what: str) -> Path | str:
    """Return the path of a weight file, or say that the network needs one."""
    if path is None:
        raise InvalidInputError(f"The feature network {what} needs the path of its weight file.")
    return path

"""What every coarse restorer has in common, and loading one by name."""

from abc import ABC
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ..checkpoints import Checkpoint, expecting, load_checkpoint
from ..diffusion.noise import NoiseSource
from ..diffusion.priors import LoadedPrior
from ..diffusion.sampler import Watch
from ..errors import InvalidInputError
from ..images import check_finite, check_image
from ..parameters import check_parameters, parameters_of
from ..registry import Registry
from ..true_float32 import true_float32
from ..weights.catalogue import weight_file

RESTORERS: "Registry[type[Restorer]]" = Registry("restorer")
"""The restorers by name."""


class Restorer(ABC):
    """Turns a degraded aligned face into a clean one of the same size.

    Source: y_c = f(y) in PDGrad section 3.1; f(y, x_t, t) in PGDiff section 3.3.
    Deviations: none.

    Attributes:
        name: Key in `RESTORERS`.
        weights: Name in the catalogue of its published weights; empty for none.
        licence: Of its weights, where the catalogue does not say it.
        samples: Whether it samples, so that it is handed noise, can be followed and stopped; such a
            restorer overrides `_sample`.
        depends_on_x_t: Whether the result changes with the sampling state, so that it must be
            computed anew at every step.
        needs_weights: Whether `from_checkpoint` is the way to make one.
        size_px: Side of the images that it takes, or None for any size.
        network: The network whose device and dtype it works in, or None.
    """

    name: ClassVar[str]
    weights: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    samples: ClassVar[bool] = False
    depends_on_x_t: ClassVar[bool] = False
    needs_weights: ClassVar[bool] = True
    size_px: int | None = None
    network: nn.Module | None = None

    @classmethod
    def weights_licence(cls) -> str:
        """Return the licence of its published weights; empty where it has none."""
        return cls.licence or (weight_file(cls.weights).licence if cls.weights else "")

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **_options: Any) -> Self:
        """Build the restorer with the weights of a file.

        Args:
            checkpoint: Tensors as read by `load_checkpoint`.
            **_options: The class's tunable parameters.

        Raises:
            WrongArchitectureError: The file belongs to another network.
            InvalidInputError: The restorer has no weights.
        """
        raise InvalidInputError(
            f"The restorer {cls.name!r} has no weights to load from {checkpoint.name}; "
            "leave the file out."
        )

    @property
    def own_prior(self) -> LoadedPrior | None:
        """The prior that it samples; None where there is none that could be sampled without it."""
        return None

    @true_float32()
    def __call__(
        self,
        degraded: Tensor,
        x_t: Tensor | None = None,
        t: Tensor | int | None = None,
        *,
        noise: NoiseSource | None = None,
        watch: Watch | None = None,
    ) -> Tensor:
        """Restore a batch.

        Args:
            degraded: y, `(B, 3, H, W)` in [-1, 1].
            x_t: The sampling state, the same shape; required where `depends_on_x_t`.
            t: Its original timestep from 0 to 999, `(B,)` or one for all; required likewise.
            noise: Draws the noise of a restorer that `samples`; required there.
            watch: Is told of the steps of a restorer that samples, and may stop them.

        Returns:
            y_c, clamped to [-1, 1]: shape, dtype and device of `degraded`, no gradient, and
            never an inference tensor, whatever mode the caller is in.

        Raises:
            InvalidInputError: Not a batch of finite images of the size it takes, or x_t or t is
                missing, or noise for a restorer that samples.
            NonFiniteError: The network gave NaN or infinite values.
            SamplingStopped: The watch said so.
        """
        check_image(degraded, "The degraded image")
        self._check_size(degraded)
        with torch.inference_mode(False), torch.no_grad():
            steps = self._check_state(degraded, x_t, t)
            state = self._for_network(x_t) if x_t is not None else None
            face = self._for_network(degraded)
            if self.samples:
                coarse = self._sample(face, self._check_noise(noise), watch or Watch())
            else:
                coarse = self._restore(face, state, steps)
            check_finite(
                coarse, f"What the restorer {self.name!r} made", "check its weights and dtype"
            )
            coarse = coarse.to(degraded.device, degraded.dtype).clamp(-1, 1)
            return coarse.clone() if coarse.is_inference() else coarse

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Self:
        """Move the network, if there is one, and return the restorer itself."""
        if self.network is not None:
            with torch.inference_mode(False):
                self.network.to(device=device, dtype=dtype)
        return self

    def _restore(self, _degraded: Tensor, _x_t: Tensor | None, _t: Tensor | None, /) -> Tensor:
        """Return y_c for images on the network's device and in its dtype; t is `(B,)`.

        One of this and `_sample` is what a restorer consists of.
        """
        raise TypeError(f"{type(self).__name__} restores nothing: it has no _restore.")

    def _sample(self, _degraded: Tensor, _noise: NoiseSource, _watch: Watch, /) -> Tensor:
        """Return y_c of a restorer that samples; see `Sampler.run` for what it does with both."""
        raise TypeError(f"{type(self).__name__} does not sample: it has no _sample.")

    def _check_noise(self, noise: NoiseSource | None) -> NoiseSource:
        if noise is None:
            raise InvalidInputError(
                f"The restorer {self.name!r} samples, so it needs noise; give it a seed's."
            )
        return noise

    def _check_size(self, degraded: Tensor) -> None:
        height, width = degraded.shape[-2:]
        if self.size_px is not None and (height, width) != (self.size_px, self.size_px):
            raise InvalidInputError(
                f"The restorer {self.name!r} takes faces of {self.size_px}x{self.size_px} pixels, "
                f"not {width}x{height}; align the face to that size or resize it."
            )

    def _check_state(
        self, degraded: Tensor, x_t: Tensor | None, t: Tensor | int | None
    ) -> Tensor | None:
        """Return t as `(B,)`, or None for a restorer that does not look at it."""
        if not self.depends_on_x_t:
            return None
        if x_t is None or t is None:
            raise InvalidInputError(
                f"The restorer {self.name!r} needs the sampling state x_t and its timestep t."
            )
        if x_t.shape != degraded.shape:
            raise InvalidInputError(
                f"x_t must have the degraded image's shape {tuple(degraded.shape)}, "
                f"not {tuple(x_t.shape)}."
            )
        device = degraded.device if self.network is None else _home(self.network)[0]
        steps = torch.as_tensor(t, device=device).reshape(-1)
        if steps.numel() not in (1, degraded.shape[0]):
            raise InvalidInputError(
                f"Expected one timestep or {degraded.shape[0]}, found {steps.numel()}."
            )
        return steps.expand(degraded.shape[0])

    def _for_network(self, image: Tensor) -> Tensor:
        if self.network is None:
            return image
        device, dtype = _home(self.network)
        return image.to(device, dtype)


def load_restorer(
    name: str,
    path: Path | str | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Restorer:
    """Make a restorer by name.

    Args:
        name: Key in `RESTORERS`.
        path: Its weight file, where it has weights.
        device: Where it is to work; None for the CPU.
        dtype: In which precision its network is to work; None keeps float32.
        **options: The tunable parameters of its class.

    Raises:
        UnknownNameError: There is no restorer of this name.
        InvalidInputError: The path is missing or one too many, or an option is unknown or
            out of range.
        CheckpointError: The file is missing, damaged, unsafe, or of another network.
        MissingDependencyError: Its architecture's package is not installed.
    """
    member = RESTORERS[name]
    known = [parameter.name for parameter in parameters_of(member)]
    for option in options:
        if option not in known:
            raise InvalidInputError(
                f"The restorer {name!r} has no option {option!r}; it has "
                f"{', '.join(known) or 'none'}."
            )
    check_parameters(member, options)
    if member.needs_weights and path is None:
        raise InvalidInputError(f"The restorer {name!r} needs the path of its weight file.")
    # A network made in inference mode could not be used outside it.
    with torch.inference_mode(False):
        if path is None:
            return member(**options).to(device, dtype)
        checkpoint = load_checkpoint(path)
        with expecting(checkpoint, f"the restorer {name!r}"):
            restorer = member.from_checkpoint(checkpoint, **options)
        return restorer.to(device, dtype)


def _home(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    parameter = next(network.parameters())
    return parameter.device, parameter.dtype

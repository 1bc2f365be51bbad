"""What is built and off, since no GPU has measured it: the benchmarks of the step can try it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from ..diffusion.priors import LoadedPrior
from ..diffusion.priors.guided_diffusion import DiffusionPrior
from ..errors import InvalidInputError
from ..features.base import FeatureNetwork
from ..models.fused_norms import fuse_norms
from ..models.precision import PrecisionPreset
from ..registry import unknown_name

TRIALS = {
    "norms": "the prior's group norms with scale, shift and SiLU as Triton kernels (CUDA)",
    "split": "the float32 forward of balanced in split TF32 (CUDA)",
    "pooling": "the adjoint of pooling for all gradients in one kernel",
}
"""What can be tried, by name."""


def check_trials(
    names: Sequence[str],
    device: torch.device,
    preset: PrecisionPreset,
    *,
    prior_as_it_is: bool,
) -> None:
    """Raise InvalidInputError where something cannot be tried as the benchmark is set.

    Args:
        names: Out of `TRIALS`.
        device: Where the step runs.
        preset: In which precision.
        prior_as_it_is: Whether the prior takes part, and is not compiled.

    Raises:
        UnknownNameError: A name is none of `TRIALS`.
        InvalidInputError: See above.
    """
    for name in names:
        if name not in TRIALS:
            raise unknown_name("trial", name, list(TRIALS))
    if "norms" in names and not prior_as_it_is:
        raise InvalidInputError(
            "The trial 'norms' is of the prior where nothing compiles it (the compiler fuses norms "
            "itself); try it with 'pdgrad benchmark step', without --compile."
        )
    for name, what in (("norms", "Triton kernels"), ("split", "a GPU's TF32 units")):
        if name in names and device.type != "cuda":
            raise InvalidInputError(
                f"The trial {name!r} is of {what}, which need a CUDA device, and the step runs on "
                f"{device}; leave it out, or choose --device cuda where there is one."
            )
    if "split" in names and preset.name != "balanced":
        raise InvalidInputError(
            "The trial 'split' is of the float32 forward of the precision 'balanced', not of "
            f"{preset.name!r}; choose --precision balanced."
        )


def try_out(
    names: Sequence[str], features: Mapping[str, FeatureNetwork], prior: LoadedPrior | None
) -> None:
    """Switch on what is tried; to be called after the preset was applied.

    Args:
        names: Out of `TRIALS`, checked.
        features: Feature networks by name.
        prior: The prior of a whole step.
    """
    for network in features.values():
        network.unpools_at_once = "pooling" in names
        if "split" in names:
            network.precision = replace(network.precision, split=True)
    if "norms" in names and isinstance(prior, DiffusionPrior):
        fuse_norms(prior)

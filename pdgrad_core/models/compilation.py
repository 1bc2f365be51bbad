"""torch.compile where it was measured to pay: a slow first step, for shorter ones afterwards."""

from collections.abc import Mapping

import torch

from ..diffusion.priors import LoadedPrior
from ..diffusion.priors.guided_diffusion import DiffusionPrior
from ..errors import MissingDependencyError
from ..features.base import FeatureNetwork
from ..replay import Replay, record_cuda_graph


def compile_networks(
    features: Mapping[str, FeatureNetwork], prior: LoadedPrior | None = None
) -> None:
    """Let networks run their compiled forms from now on; each compiles when it is first used.

    On a CPU that is the closed-form cotangents of the perceptual loss, which become one pass over
    memory; convolutions gain nothing there, and the compiled U-Net is slower than the eager one. On
    a GPU by CUDA the prior is compiled too, for the shapes it meets, and prior and guidance are
    replayed as CUDA graphs where that works; neither has been measured on a GPU yet.

    Args:
        features: Feature networks by name.
        prior: The prior; None to leave it as it is.

    Raises:
        MissingDependencyError: torch cannot compile here.
    """
    device = torch.device("cpu") if prior is None else next(prior.network.parameters()).device
    check_compiler(device)
    for network in features.values():
        network.compiled = True
    if prior is not None and device.type == "cuda":
        torch.nn.Module.compile(prior.network, dynamic=False)
        if isinstance(prior, DiffusionPrior):
            prior.replay = Replay("prior", prior.evaluate, record_cuda_graph)


def check_compiler(device: torch.device) -> None:
    """Raise MissingDependencyError unless torch.compile works for a device.

    What it needs (a C++ compiler, Triton) differs between systems and versions: so it is tried.
    """
    try:
        torch.compile(_increment)(torch.zeros(8, device=device))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MissingDependencyError(
            f"torch.compile does not work for {device} here ({reason}); install what it needs "
            "(a C++ compiler such as g++; Triton for a GPU), or do without compiling."
        ) from error


def _increment(x: torch.Tensor) -> torch.Tensor:
    return x + 1

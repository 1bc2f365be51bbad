"""torch.compile where it was measured to pay: a slow first step, for shorter ones afterwards."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..diffusion.priors import LoadedPrior
from ..diffusion.priors.guided_diffusion import DiffusionPrior
from ..errors import MissingDependencyError
from ..features.base import FeatureNetwork
from ..replay import Replay, record_cuda_graph

logger = logging.getLogger(__name__)


def compile_networks(
    features: Mapping[str, FeatureNetwork],
    prior: LoadedPrior | None = None,
    device: torch.device | None = None,
) -> None:
    """Let networks run their compiled forms from now on; each compiles when it is first used.

    On a CPU that is the closed-form cotangents of the perceptual loss, which become one pass over
    memory; convolutions gain nothing there, and the compiled U-Net is slower than the eager one. On
    a GPU by CUDA the prior is compiled too, for the shapes it meets, and prior and guidance are
    replayed as CUDA graphs where that works; neither has been measured on a GPU since it was built.

    Args:
        features: Feature networks by name.
        prior: The prior; None to leave it as it is.
        device: Where they will compute, if a host moves them there later; None for where they are.

    Raises:
        MissingDependencyError: torch cannot compile here.
    """
    device = device or (torch.device("cpu") if prior is None else prior.device)
    check_compiler(device)
    for network in features.values():
        network.compiled = True
    if device.type == "cuda" and isinstance(prior, DiffusionPrior):
        prior.compiled = CompiledNetwork(prior.network)
        prior.replay = replayed(prior)


def replay_networks(
    features: Mapping[str, FeatureNetwork],
    prior: LoadedPrior | None = None,
    device: torch.device | None = None,
) -> None:
    """Let prior and guidance be replayed as CUDA graphs from now on, without compiling anything.

    A graph is recorded in a few steps, where compiling took a minute. On other devices nothing
    changes. Not measured on a GPU since it was built.

    Args:
        features: Feature networks by name.
        prior: The prior; None to leave it as it is.
        device: Where they will compute, if a host moves them there later; None for where they are.
    """
    for network in features.values():
        network.replayed = True
    if isinstance(prior, DiffusionPrior) and (device or prior.device).type == "cuda":
        prior.replay = replayed(prior)


def not_replayed(device: torch.device) -> str:
    """Return a sentence for a device that replays nothing; empty where it does."""
    if device.type == "cuda":
        return ""
    return f"Replaying needs CUDA; on {device.type} everything is computed as without it."


def replayed(prior: DiffusionPrior) -> Replay:
    """Return a replay of the prior's network, wherever its weights lie."""
    return Replay("prior", prior.evaluate, record_cuda_graph, prior.network.parameters)


class CompiledNetwork:
    """A network's compiled form for the shapes it meets, or the network where that fails.

    Args:
        network: What is compiled at its first call.
        compile_: How; torch's own way by default.

    Attributes:
        notes: A sentence, where it failed.
    """

    def __init__(self, network: nn.Module, compile_: Callable[..., Any] = torch.compile) -> None:
        self.network = network
        self.notes: tuple[str, ...] = ()
        self.compiled: Callable[..., Tensor] = compile_(network, dynamic=False)

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return what the network makes of the inputs."""
        if self.compiled is self.network:
            return self.network(*inputs)
        try:
            return self.compiled(*inputs)
        except torch.OutOfMemoryError:
            raise
        # What goes wrong in a compiler surfaces as almost any type, of Triton's own among them.
        except Exception as error:
            found = self.network(*inputs)  # or its own error, which compiling is not to blame for
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            said = f"The prior cannot be compiled here ({reason}), so it runs as it is."
            self.notes = (said,)
            logger.warning("%s", said)
            self.compiled = self.network
            return found


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

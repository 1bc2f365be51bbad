"""In what precision networks compute, and whether they are replayed or compiled: inputs, checks."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import comfy.model_management as management

from . import schema
from .boundary import outside_inference_mode

if TYPE_CHECKING:
    from ..pdgrad_core.diffusion.priors import LoadedPrior
    from ..pdgrad_core.diffusion.sampler import Guidance
    from ..pdgrad_core.features.base import FeatureNetwork
    from ..pdgrad_core.guidance.terms import Expression

logger = logging.getLogger(__name__)

PRESETS = ["auto", "exact", "balanced", "fast"]
"""What the core's `precision_preset` takes."""

NONE, REPLAY, COMPILE = "none", "replay", "compile"
SPEED_UPS = [NONE, REPLAY, COMPILE]


def preset_input(default: str, what: str) -> Any:
    """Return the input for a precision preset; it came later.

    Args:
        default: Out of `PRESETS`.
        what: What each preset computes, in sentences for users.
    """
    return schema.choice("precision", PRESETS, default, what, optional=True)


def speed_up_input(what: str) -> Any:
    """Return the input for replaying and compiling; it came later.

    Args:
        what: What each does here, in sentences for users.
    """
    told = f"With CUDA. {what} Not measured on a GPU since it was built."
    return schema.choice("speed_up", SPEED_UPS, NONE, told, optional=True)


def check_precision(precision: str | None) -> None:
    """Refuse a preset that the host's device does not compute fast.

    Args:
        precision: Out of `PRESETS`; None where it is connected and not known yet.

    Raises:
        InvalidInputError: 16 bit where it is not fast.
    """
    if precision is not None:
        compute_in(precision, {})


def compute_in(precision: str, networks: Mapping[str, FeatureNetwork], demo: bool = False) -> None:
    """Let feature networks compute as a preset says for the host's device.

    Args:
        precision: Out of `PRESETS`.
        networks: Feature networks by name.
        demo: Whether all are embedded ones, which "auto" leaves exact.

    Raises:
        InvalidInputError: 16 bit where it is not fast.
    """
    from ..pdgrad_core.models.sets import preset_of_set

    preset_of_set(precision, demo, management.get_torch_device()).apply(networks)


def check_speed_up(speed_up: str) -> None:
    """Try the compiler where it is asked for, before anything is loaded.

    Raises:
        MissingDependencyError: Nothing can be compiled here.
    """
    if speed_up == COMPILE:
        from ..pdgrad_core.models.compilation import check_compiler

        with outside_inference_mode():
            check_compiler(management.get_torch_device())


def sped_up(
    speed_up: str, features: Mapping[str, FeatureNetwork], prior: LoadedPrior | None = None
) -> tuple[str, ...]:
    """Let networks be replayed or compiled from now on, for the device on which the host computes.

    Args:
        speed_up: Out of `SPEED_UPS`.
        features: Feature networks by name.
        prior: The prior; None to leave it as it is.

    Returns:
        A sentence where the device cannot do it.

    Raises:
        MissingDependencyError: Nothing can be compiled here.
    """
    from ..pdgrad_core.models import compilation

    device = management.get_torch_device()
    said = ""
    if speed_up == COMPILE:
        compilation.compile_networks(features, prior, device)
        if prior is not None and device.type != "cuda":
            said = f"A prior is compiled with CUDA only; on {device.type} it runs as it is."
    if speed_up == REPLAY:
        compilation.replay_networks(features, prior, device)
        said = compilation.not_replayed(device)
    if said:
        logger.warning("%s", said)
    return (said,) if said else ()


def guidance_of_a_run(expression: Expression, networks: Mapping[str, FeatureNetwork]) -> Guidance:
    """Return a compiled guidance, replayed where its networks were asked to be.

    Args:
        expression: Its pictures placed.
        networks: Feature networks by name, on the host's device.
    """
    from ..pdgrad_core.guidance.gradients import compile_guidance
    from ..pdgrad_core.guidance.replayed import replayed_where_asked

    compiled = compile_guidance(expression, networks)
    compiled.reset()
    return replayed_where_asked(compiled, management.get_torch_device())


def let_go(part: Any) -> None:
    """Give back the memory of a recording, if a prior or a guidance holds one.

    The host neither counts that memory nor can free it, so none outlives the node that made it.
    """
    from ..pdgrad_core.diffusion.sampler import Releasing

    replay = getattr(part, "replay", None)
    if isinstance(part, Releasing):
        part.release()
    elif replay is not None:
        replay.forget()


@contextmanager
def recording_of(prior: Any) -> Generator[None, None, None]:
    """Let a prior's recording end with what is done meanwhile, and when that fails."""
    try:
        yield
    finally:
        let_go(prior)

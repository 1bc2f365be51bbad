"""The models that Restore Face works with: loaded once, under the host's care."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import comfy.model_management as management

from ..pdgrad_core.models.sets import ModelSet, load_model_set
from .boundary import patcher_for
from .sockets import Patcher
from .speed import COMPILE, REPLAY
from .weights import all_folders


@dataclass(frozen=True)
class Wanted:
    """What is to be loaded, and how it is to compute.

    Attributes:
        models: "demo", or empty for the published ones.
        restorer: Key in `RESTORERS`; None for the set's own.
        prior: Key in `PRIORS`; None for the papers' kind.
        features: Feature networks by name.
        precision: Its preset, for the device on which the host computes.
        speed_up: Out of `SPEED_UPS`.
    """

    models: str
    restorer: str | None
    prior: str | None
    features: tuple[str, ...]
    precision: str = "auto"
    speed_up: str = "none"


@dataclass(frozen=True)
class LoadedSet:
    """Models, and the host's handles on their networks."""

    models: ModelSet
    patchers: tuple[Patcher, ...]


@lru_cache(maxsize=1)
def load_set(wanted: Wanted) -> LoadedSet:
    """Load a set of models; the last one is kept for the next run that wants the same."""
    found = load_model_set(
        wanted.models or None,
        restorer=wanted.restorer,
        prior=wanted.prior,
        features=wanted.features,
        precision=wanted.precision,
        compiled=wanted.speed_up == COMPILE,
        replayed=wanted.speed_up == REPLAY,
        computes_on=management.get_torch_device(),
        extra_folders=all_folders(),
    )
    modules = [found.prior.network, *(one.module for one in found.features.values())]
    if found.restorer is not None:
        modules.append(found.restorer.network)
    # IDM's network may be both prior and restorer; the host is to count it once.
    patchers = tuple(patcher_for(one) for one in dict.fromkeys(modules) if one is not None)
    return LoadedSet(found, patchers)

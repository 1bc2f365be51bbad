"""Sets of models that belong together: a folder of official files, or the embedded demo set."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..diffusion.prior import DiffusionPrior, load_prior
from ..errors import InvalidInputError
from ..features.arcface import load_arcface
from ..features.base import FeatureNetwork
from ..features.discriminator import load_discriminator
from ..features.vgg import load_perceptual
from ..registry import unknown_name
from ..restorers import RESTORERS, Restorer, load_restorer
from ..weights.catalogue import weight_file
from ..weights.folders import find, locate, search_folders
from .compilation import compile_networks
from .precision import precision_preset

logger = logging.getLogger(__name__)

RESTORER_FILES: dict[str, str] = {
    "codeformer": "codeformer",
    "gfpgan": "gfpgan-1.4",
    "restoreformer": "restoreformer",
    "rrdb": "pgdiff-rrdb",
}
"""Catalogue name of each restorer's weights."""

IDENTITY_FILES = ("arcface-iresnet50", "arcface-ir-se50")
"""Catalogue names of identity networks, the papers' first."""

DEMO = "demo"


@dataclass
class ModelSet:
    """What a restoration needs: all on one device.

    Attributes:
        prior: The diffusion prior.
        features: Feature networks by name ("arcface", "vgg", "discriminator").
        restorer: f, or None where only the prior is wanted.
        paths: The weight files used, by role.
        name: "demo", or "" for a folder.
        precision: Preset in which the networks compute, out of `PRECISIONS`.
        compiled: Whether what has a compiled form runs in it.
    """

    prior: DiffusionPrior
    features: Mapping[str, FeatureNetwork] = field(default_factory=dict[str, FeatureNetwork])
    restorer: Restorer | None = None
    paths: dict[str, Path] = field(default_factory=dict[str, Path])
    name: str = ""
    precision: str = "exact"
    compiled: bool = False


def load_model_set(
    models: Path | str | None = None,
    *,
    restorer: str | None = None,
    features: Sequence[str] = ("arcface", "vgg"),
    fidelity: float | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    precision: str = "exact",
    compiled: bool = False,
    extra_folders: Sequence[Path | str] = (),
) -> ModelSet:
    """Load the prior, the feature networks and a restorer.

    Args:
        models: Folder to search first, "demo" for the embedded set, or None for the usual folders.
        restorer: Key in `RESTORERS`; None for the set's own (CodeFormer; the demo's coarse
            network);
            "none" for bicubic only.
        features: The guidance's feature networks by name; "pixels" needs no file.
        fidelity: CodeFormer's w in [0, 1]; None for its default.
        device: Where everything is put.
        dtype: In what the prior computes; None for what `precision` says.
        precision: "exact", "balanced", "fast" or "auto"; see `precision_preset`. For the demo's
            small networks, which shall answer alike everywhere, "auto" is "exact".
        compiled: Whether what gains by it is compiled, when it is first used.
        extra_folders: Further folders to search, as the host knows them.

    Raises:
        CheckpointError: A file is missing, damaged or of another network.
        UnknownNameError: There is no such restorer or precision.
        InvalidInputError: A fidelity for a restorer that has none; 16 bit where it is not fast.
        MissingDependencyError: Nothing can be compiled here.
    """
    if precision == "auto" and models == DEMO:
        precision = "exact"
    preset = precision_preset(precision, torch.device(device))
    if restorer is not None and restorer not in RESTORERS:
        raise unknown_name("restorer", restorer, RESTORERS.names())
    if models == DEMO:
        found = _demo_set(restorer, features, device, dtype or preset.prior)
    else:
        folders = search_folders(models, extra_folders)
        name = restorer or "codeformer"
        found = _folder_set(folders, name, features, fidelity, device, dtype or preset.prior)
    preset.apply(found.features)
    if compiled:
        compile_networks(found.features, found.prior)
    return replace(found, precision=preset.name, compiled=compiled)


def _folder_set(
    folders: Sequence[Path],
    restorer: str,
    features: Sequence[str],
    fidelity: float | None,
    device: torch.device | str,
    dtype: torch.dtype,
) -> ModelSet:
    paths = {"prior": find("ffhq512-prior", folders)}
    if restorer in RESTORER_FILES:
        paths["restorer"] = find(RESTORER_FILES[restorer], folders)
    for name in features:
        paths[name] = _feature_file(name, folders)
    options: dict[str, Any] = {} if fidelity is None else {"fidelity": fidelity}
    with torch.inference_mode(False):
        return ModelSet(
            prior=load_prior(paths["prior"], device, dtype),
            features=_load_features(features, paths, device),
            restorer=load_restorer(restorer, paths.get("restorer"), device, **options),
            paths=paths,
        )


def _demo_set(
    restorer: str | None, features: Sequence[str], device: torch.device | str, dtype: torch.dtype
) -> ModelSet:
    from ..embedded import demo_weights

    logger.warning("The demo models know drawn faces only, 64x64 px; photos need the others.")
    for feature in features:
        if feature not in ("arcface", "vgg"):
            raise InvalidInputError(
                f"The demo models have no {feature}; use a recipe without it, or your own models."
            )
    paths = {role: demo_weights(role) for role in ("prior", *features, "restorer")}
    name = restorer or DEMO
    if name not in (DEMO, "none"):
        raise InvalidInputError(
            f"The demo models come with their own restorer; --restorer can be {DEMO!r} or 'none' "
            f"with them, not {restorer!r}."
        )
    with torch.inference_mode(False):
        return ModelSet(
            prior=load_prior(paths["prior"], device, dtype),
            features=_load_features(features, paths, device),
            restorer=load_restorer(name, paths["restorer"] if name == DEMO else None, device),
            paths=paths,
            name=DEMO,
        )


def _feature_file(name: str, folders: Sequence[Path]) -> Path:
    if name == "arcface":
        return _first_found(IDENTITY_FILES, folders)
    return find({"vgg": "vgg16", "discriminator": "gpen-discriminator"}[name], folders)


def _load_features(
    names: Sequence[str], paths: Mapping[str, Path], device: torch.device | str
) -> dict[str, FeatureNetwork]:
    loaders: dict[str, Callable[..., FeatureNetwork]] = {
        "arcface": load_arcface,
        "vgg": load_perceptual,
        "discriminator": load_discriminator,
    }
    return {name: loaders[name](paths[name], device=device) for name in names}


def _first_found(names: Sequence[str], folders: Sequence[Path]) -> Path:
    """Return the first of several alternatives that is there; the error speaks of the first."""
    for name in names:
        path = locate(weight_file(name), folders)
        if path is not None:
            return path
    return find(names[0], folders)

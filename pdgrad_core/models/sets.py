"""Sets of models that belong together: a folder of official files, or the embedded demo set."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..diffusion.priors import PRIORS, LoadedPrior, load_prior
from ..embedded import OWN, ROLES, demo_role, demo_weights
from ..errors import InvalidInputError
from ..features import FEATURES, FeatureNetwork
from ..registry import Registry
from ..restorers import RESTORERS, Restorer, load_restorer
from ..weights.folders import fetch_folder, search_folders
from ..weights.instructions import missing_files
from .choice import default_restorer, wanted_files
from .compilation import compile_networks, not_replayed, replay_networks
from .precision import PrecisionPreset, precision_preset

logger = logging.getLogger(__name__)

DEMO = "demo"
"""The set of embedded models, and its own restorer."""


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
        replayed: Whether prior and guidance were asked to be replayed, uncompiled.
        notes: A sentence for each network that stands in for the first choice, and for a replay
            that the device does not know.
    """

    prior: LoadedPrior
    features: Mapping[str, FeatureNetwork] = field(default_factory=dict[str, FeatureNetwork])
    restorer: Restorer | None = None
    paths: dict[str, Path] = field(default_factory=dict[str, Path])
    name: str = ""
    precision: str = "exact"
    compiled: bool = False
    replayed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.prior.device


def load_model_set(
    models: Path | str | None = None,
    *,
    restorer: str | None = None,
    prior: str | None = None,
    features: Sequence[str] = ("arcface", "vgg"),
    fidelity: float | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    precision: str = "exact",
    compiled: bool = False,
    replayed: bool = False,
    computes_on: torch.device | str | None = None,
    extra_folders: Sequence[Path | str] = (),
) -> ModelSet:
    """Load the prior, the feature networks and a restorer.

    Args:
        models: Folder to search first, "demo" for the embedded set, or None for the usual folders.
        restorer: Key in `RESTORERS`; None for the set's own (the demo's, or `default_restorer`).
        prior: Key in `PRIORS`; None for the papers' kind.
        features: The guidance's feature networks by name; "pixels" needs no file.
        fidelity: CodeFormer's w in [0, 1]; None for its default.
        device: Where everything is put.
        dtype: In what the prior computes; None for what `precision` says.
        precision: See `precision_preset`; "auto" is "exact" for the demo, alike everywhere.
        compiled: Whether what gains by it is compiled, when it is first used.
        replayed: Whether, uncompiled, prior and guidance are replayed as CUDA graphs.
        computes_on: For which device precision, compiling and replaying are meant, where a host
            moves everything there later; None for `device`.
        extra_folders: Further folders to search, as the host knows them.

    Raises:
        CheckpointError: A file is missing, damaged or of another network.
        UnknownNameError: There is no such restorer, prior, feature network or precision.
        InvalidInputError: A fidelity for a restorer without one; 16 bit where it is not fast.
        MissingDependencyError: Nothing can be compiled here.
    """
    demo = models == DEMO
    meant = torch.device(computes_on or device)
    preset = preset_of_set(precision, demo, meant)
    restorer, note = _checked_names(restorer, prior, demo)
    paths, notes = _paths(models, extra_folders, restorer, features, prior)
    dtype, fidelity = dtype or preset.prior, None if demo else fidelity
    found = load_paths(paths, restorer, features, device, dtype, prior, fidelity=fidelity)
    preset.apply(found.features)
    name, said = DEMO if demo else "", _said(note, *notes)
    found = replace(found, name=name, precision=preset.name, notes=said)
    return _made_faster(found, compiled, replayed, meant)


def preset_of_set(precision: str, demo: bool, device: torch.device) -> PrecisionPreset:
    """Return the preset asked for; "auto" is "exact" for the demo, so that it is alike anywhere.

    Args:
        precision: See `precision_preset`.
        demo: Whether the embedded models are meant.
        device: Where the networks compute.
    """
    return precision_preset("exact" if demo and precision == "auto" else precision, device)


def _made_faster(found: ModelSet, compiled: bool, replayed: bool, device: torch.device) -> ModelSet:
    """Let the networks be compiled, or replayed, or leave them as they are."""
    if compiled:
        compile_networks(found.features, found.prior, device)
        return replace(found, compiled=True)
    if not replayed:
        return found
    replay_networks(found.features, found.prior, device)
    return replace(found, replayed=True, notes=(*found.notes, *_said(not_replayed(device))))


def _said(*notes: str) -> tuple[str, ...]:
    """Log what stands in for what, and return it without the empty sentences."""
    told = tuple(note for note in notes if note)
    for note in told:
        logger.warning("%s", note)
    return told


def _paths(
    models: Path | str | None,
    extra_folders: Sequence[Path | str],
    restorer: str,
    features: Sequence[str],
    prior: str | None,
) -> tuple[dict[str, Path], list[str]]:
    """Return a set's files by role, and a note for each that stands in for another."""
    if models == DEMO:
        logger.warning("The demo models know drawn faces only, 64x64 px; photos need the others.")
        return demo_paths(restorer, features, prior), []
    folders = search_folders(models, extra_folders)
    wanted = wanted_files(folders, restorer, features, prior)
    missing = list(dict.fromkeys(one.file for one in wanted if one.path is None))
    if missing:
        raise missing_files(missing, folders, lambda file: fetch_folder(models, file))
    paths = {one.role: one.path for one in wanted if one.path is not None}
    return paths, [one.note for one in wanted]


def _checked_names(restorer: str | None, prior: str | None, demo: bool) -> tuple[str, str]:
    """Return the restorer asked for or the set's own, and a note where that is a stand-in.

    Raises:
        UnknownNameError: There is no such restorer or kind of prior.
    """
    if prior is not None:
        _ = PRIORS[prior]
    if restorer is None:
        return (DEMO, "") if demo else default_restorer()
    _ = RESTORERS[restorer]
    return restorer, ""


def load_paths(
    paths: Mapping[str, Path],
    restorer: str,
    features: Sequence[str],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    prior: str | None = None,
    *,
    fidelity: float | None = None,
) -> ModelSet:
    """Load a set of models from files that are known.

    A prior from the very file of a restorer that samples it is loaded once, in the prior's dtype.

    Args:
        paths: File of each role: "prior", "restorer" and the feature networks' names; a role is
            left out where nothing is to be read.
        restorer: Key in `RESTORERS`.
        features: Feature networks by name.
        device: Where everything is put.
        dtype: In what the prior computes.
        prior: Key in `PRIORS`; None to recognise the file.
        fidelity: CodeFormer's w in [0, 1]; None for its default.
    """
    options: dict[str, Any] = {} if fidelity is None else {"fidelity": fidelity}
    # What is made in inference mode cannot be used where gradients are taken.
    with torch.inference_mode(False):
        made = load_restorer(restorer, paths.get("restorer"), device, **options)
        return ModelSet(
            prior=_prior(made, paths, device, dtype, prior),
            features={name: FEATURES[name].load(paths.get(name), device) for name in features},
            restorer=made,
            paths=dict(paths),
        )


def _prior(
    restorer: Restorer,
    paths: Mapping[str, Path],
    device: torch.device | str,
    dtype: torch.dtype,
    kind: str | None,
) -> LoadedPrior:
    """Load the prior; one from the very file of a restorer that samples it is that restorer's."""
    path, shared = paths.get("prior"), restorer.own_prior
    if shared is not None and path is not None and path == paths.get("restorer"):
        restorer.to(dtype=dtype)
        return shared
    return load_prior(path, device, dtype, kind=kind)


def demo_paths(
    restorer: str,
    features: Sequence[str],
    prior: str | None = None,
    folder: Path | None = None,
) -> dict[str, Path]:
    """Return the files of the demo set by role.

    Args:
        restorer: Key in `RESTORERS`: one whose weights are embedded, or one without weights.
        features: Feature networks by name.
        prior: Key in `PRIORS`; None for the demo's.
        folder: Where files of the embedded ones' names lie; None for the embedded ones.

    Raises:
        InvalidInputError: The demo set has no such network.
        CheckpointNotFoundError: A file is missing.
    """
    for feature in features:
        if feature not in ROLES and FEATURES[feature].weights:
            raise InvalidInputError(
                f"The demo models have no {feature}; use a recipe without it, or your own models."
            )
    paths = {
        "prior": _embedded("prior", prior or OWN["prior"], PRIORS, folder),
        **{role: demo_weights(role, folder) for role in features if role in ROLES},
        "restorer": _embedded("restorer", restorer, RESTORERS, folder),
    }
    return {role: path for role, path in paths.items() if path is not None}


def _embedded(role: str, name: str, members: Registry[Any], folder: Path | None) -> Path | None:
    """Return the embedded file of a restorer or a kind of prior, None where it needs none.

    Raises:
        InvalidInputError: None is embedded.
        CheckpointNotFoundError: It is missing.
    """
    if not members[name].needs_weights:
        return None
    found = demo_role(role, name)
    if found is None:
        usable = [one for one in members.names() if _usable(role, one, members)]
        raise InvalidInputError(
            f"The demo models have no {role} {name!r}; with them it can be {', '.join(usable)}, or "
            "use your own models."
        )
    return demo_weights(found, folder)


def _usable(role: str, name: str, members: Registry[Any]) -> bool:
    """Return whether the demo models can have a restorer or a kind of prior."""
    return not members[name].needs_weights or demo_role(role, name) is not None

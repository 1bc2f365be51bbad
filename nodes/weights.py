"""Which weight files a loader offers, and where the host keeps them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths

from ..pdgrad_core.errors import CheckpointNotFoundError
from ..pdgrad_core.registry import unknown_name
from ..pdgrad_core.weights.catalogue import CATALOGUE, WeightFile, weight_file
from ..pdgrad_core.weights.folders import COMFYUI_CATEGORIES, find, locate, search_folders

if TYPE_CHECKING:
    from ..pdgrad_core.preflight import Preflight
    from ..pdgrad_core.recipes import Recipe

DEMO = "demo"
"""The choice that needs no file: the embedded models, which know drawn faces only."""

SCORER = "demo scorer"
"""Networks of the embedded set that never guide: only they may score what the demo restored."""

FURTHER_DEMO = "demo "
"""What stands before the name of a further embedded network among a loader's choices."""

EXTENSIONS = (".safetensors", ".pth", ".pt", ".ckpt")


def register_folders() -> None:
    """Make our model folders known to the host, beside those of its extra_model_paths.yaml."""
    for category in COMFYUI_CATEGORIES:
        folder_paths.add_model_folder_path(
            category, os.path.join(folder_paths.models_dir, category)
        )


def choices(names: Sequence[str], category: str) -> list[str]:
    """Return what a loader offers: catalogued names, then the user's further files of a folder.

    Catalogued names are offered whether their file is here or not: so a shared workflow loads
    everywhere, and a missing file is explained when the node runs.

    Args:
        names: "demo" and short names of the catalogue.
        category: One of ComfyUI's model folders.
    """
    known = {name for file in CATALOGUE for name in file.file_names}
    try:
        listed = folder_paths.get_filename_list(category)
    except KeyError:
        listed = []
    found = [name for name in listed if name.endswith(EXTENSIONS)]
    return [*names, *(name for name in found if Path(name).name not in known)]


def weights_path(choice: str, category: str) -> Path:
    """Return the path of a loader's choice other than "demo".

    Raises:
        CheckpointNotFoundError: The file is not here; the error says where to get it, how large it
            is, under what licence, and where it belongs.
        UnknownNameError: There is no such choice.
    """
    catalogued = [file.name for file in CATALOGUE]
    if choice in catalogued:
        folders = search_folders(extra_folders=_host_folders(weight_file(choice).category))
        try:
            return find(choice, folders)
        except CheckpointNotFoundError as error:
            # The other loaders of the graph may lack theirs too, and would say so one by one.
            raise CheckpointNotFoundError(
                f"{error} (The Fetch Weights tab in the sidebar lists all that a recipe lacks.)"
            ) from error
    path = folder_paths.get_full_path(category, choice)
    if path is None:
        raise unknown_name(f"weight file in models/{category}", choice, choices([], category))
    return Path(path)


def found_path(name: str) -> Path | None:
    """Return where a catalogued weight file lies, None where it is not here."""
    file = weight_file(name)
    return locate(file, search_folders(extra_folders=_host_folders(file.category)))


def demo_path(role: str) -> Path:
    """Return the embedded weights for a role, a key of `pdgrad_core.embedded.ROLES`."""
    from ..pdgrad_core.embedded import demo_weights

    return demo_weights(role)


def embedded_choices(role: str, names: Iterable[str]) -> dict[str, str]:
    """Return the embedded networks that a loader offers, by choice: "demo", then "demo NAME".

    Args:
        role: "prior" or "restorer".
        names: Keys in `PRIORS` or `RESTORERS`.

    Returns:
        The key of each choice, the set's own first.
    """
    from ..pdgrad_core.embedded import OWN, demo_role

    further = [name for name in names if name != OWN[role] and demo_role(role, name)]
    return {DEMO: OWN[role], **{FURTHER_DEMO + name: name for name in further}}


def embedded_path(role: str, name: str) -> Path:
    """Return the embedded file of a value of `embedded_choices`."""
    from ..pdgrad_core.embedded import demo_role

    return demo_path(demo_role(role, name) or name)


def lacking(row: "Recipe", restorer: str | None = None) -> "Preflight":
    """Look up what a recipe needs on photos, and what of it is here.

    Args:
        row: The recipe, resolved.
        restorer: Key in `RESTORERS`; None for the recipe's own.
    """
    from ..pdgrad_core.preflight import preflight

    folders = search_folders(extra_folders=all_folders())
    return preflight(row, folders, restorer=restorer, target=target_folder)


def target_folder(file: WeightFile) -> Path:
    """Return the host's folder for a weight file: the first of its category."""
    return Path(folder_paths.get_folder_paths(file.category)[0])


def _host_folders(first: str) -> list[str]:
    """Return the host's folders that may hold our files, those of one category first."""
    ordered = [first, *(name for name in COMFYUI_CATEGORIES if name != first)]
    return [folder for name in ordered for folder in folder_paths.get_folder_paths(name)]


def all_folders() -> list[Path]:
    """Return all of the host's folders that may hold our files."""
    return [Path(folder) for folder in _host_folders(COMFYUI_CATEGORIES[0])]

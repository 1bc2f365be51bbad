"""Where weight files lie: the folders searched, in order, and the search."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import CheckpointNotFoundError, InvalidInputError
from .catalogue import WeightFile, weight_file
from .command_lines import fetch_command

COMFYUI_CATEGORIES = ("pdgrad", "facerestore_models", "facedetection")
"""ComfyUI's model folders that hold files of the catalogue."""


def search_folders(
    models: Path | str | None = None, extra_folders: Sequence[Path | str] = ()
) -> list[Path]:
    """Return the folders to search, first match wins; those that do not exist are harmless.

    Order: `models`, `extra_folders`, $PDGRAD_MODELS, this package's own folder, the caches of
    facexlib and torch hub, the model folders of the ComfyUI in which this package lies, of that at
    $COMFYUI_PATH and of that at `~/comfy/ComfyUI`.

    Args:
        models: Folder given by the user (`--models`).
        extra_folders: The host's model folders, as the nodes know them.

    Raises:
        InvalidInputError: `models` is given and is no folder.
    """
    folders: list[Path] = []
    if models is not None:
        if not Path(models).expanduser().is_dir():
            raise InvalidInputError(
                f"Expected a folder of weight files at {models}, but there is none."
            )
        folders.append(Path(models).expanduser())
    folders += [Path(folder) for folder in extra_folders]
    if os.environ.get("PDGRAD_MODELS"):
        folders.append(Path(os.environ["PDGRAD_MODELS"]).expanduser())
    folders.append(_own_folder())
    folders += _library_caches()
    for root in _comfyui_roots():
        folders += [root / "models" / category for category in COMFYUI_CATEGORIES]
    return list(dict.fromkeys(folders))


def fetch_folder(models: Path | str | None = None, file: WeightFile | None = None) -> Path:
    """Return the folder into which files are fetched.

    `models`, $PDGRAD_MODELS, the file's model folder of the ComfyUI in which this package lies, or
    our own folder.
    """
    chosen = models or os.environ.get("PDGRAD_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    root = surrounding_comfyui()
    if root is not None and file is not None:
        return root / "models" / file.category
    return _own_folder()


def surrounding_comfyui() -> Path | None:
    """Return the ComfyUI in whose custom_nodes this package lies, None where it is elsewhere."""
    folder = Path(__file__).absolute().parents[2].parent
    return folder.parent if folder.name == "custom_nodes" else None


def locate(file: WeightFile, folders: Sequence[Path]) -> Path | None:
    """Return the first place where a file lies under any of its names, None if nowhere."""
    for folder in folders:
        for name in file.file_names:
            if (folder / name).is_file():
                return folder / name
    return None


def find(name: str, folders: Sequence[Path] | None = None) -> Path:
    """Return the path of a catalogued weight file.

    Args:
        name: Its short name, such as "codeformer".
        folders: Folders to search, in order; `search_folders()` if None.

    Returns:
        The first match. Its content is not checked here; `load_checkpoint` and
        `pdgrad weights verify` do that.

    Raises:
        UnknownNameError: The catalogue has no such name.
        CheckpointNotFoundError: The file is in none of the folders.
    """
    file = weight_file(name)
    folders = search_folders() if folders is None else folders
    found = locate(file, folders)
    if found is None:
        raise not_found(file, folders)
    return found


def by_hand(file: WeightFile, folder: Path) -> str:
    """Return how to get a file that has no direct download."""
    return f"download it by hand from {file.page} and put it into {folder} as {file.file_name}"


def not_found(file: WeightFile, folders: Sequence[Path]) -> CheckpointNotFoundError:
    """Return the error for a file that is in none of the folders: what it is and how to get it."""
    folder = folders[0] if folders else fetch_folder(file=file)
    what = f"{file.file_name} is needed for {file.purpose} and was not found ({file.size_text}"
    if file.url is None:
        return CheckpointNotFoundError(
            f"{what}; licence: {file.licence}): {by_hand(file, folder)}."
        )
    command = fetch_command([file.name], None if folder == fetch_folder(file=file) else folder)
    return CheckpointNotFoundError(
        f"{what}; licence: {file.licence}; from {file.url}): put it into {folder}, or run: "
        f"{command}"
    )


def _own_folder() -> Path:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "pdgrad"
    return _cache_root() / "pdgrad"


def _library_caches() -> list[Path]:
    """Return where facexlib and torch hub keep what they downloaded for other programs."""
    caches: list[Path] = []
    spec = importlib.util.find_spec("facexlib")  # looks it up without importing it
    if spec is not None and spec.submodule_search_locations:
        caches.append(Path(spec.submodule_search_locations[0]) / "weights")
    torch_home = os.environ.get("TORCH_HOME")
    root = Path(torch_home).expanduser() if torch_home else _cache_root() / "torch"
    return [*caches, root / "hub" / "checkpoints"]


def _cache_root() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache"


def _comfyui_roots() -> list[Path]:
    chosen = os.environ.get("COMFYUI_PATH")
    roots = [surrounding_comfyui(), Path(chosen).expanduser() if chosen else None]
    return [*(root for root in roots if root is not None), Path.home() / "comfy" / "ComfyUI"]

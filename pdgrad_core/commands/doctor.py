"""`pdgrad doctor`: can a recipe run on this machine, and if not, everything that is missing."""

import argparse
import platform
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command_parser import CommandParser
from .model_options import write_json

if TYPE_CHECKING:
    from ..preflight import Preflight


def add_parser(subparsers: Any) -> None:
    """Enter `doctor` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "doctor",
        help="say whether a recipe can run here, and everything that is missing for it",
        description="Look up, without loading or downloading anything, what a recipe needs on "
        "photos: weight files and Python packages. Exit status 0: it can run; 1: it cannot.",
    )
    parser.add_argument(
        "--models", type=Path, action="append", default=[], metavar="DIR",
        help="folder of weight files to search first; repeat for more",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    parser.add_argument("--json", action="store_true", help="write the findings as JSON")
    parser.complete_with(_add_method_options)
    parser.set_defaults(run=run)


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    from ..restorers import RESTORERS
    from .recipe_options import add_recipe_choice

    add_recipe_choice(parser)
    parser.add_argument(
        "--restorer", metavar="NAME", help=f"coarse restorer ({', '.join(RESTORERS)})"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status: 0 where the recipe can run, else 1."""
    from ..preflight import preflight
    from ..recipes import recipe
    from ..weights.folders import fetch_folder, search_folders

    first = args.models[0] if args.models else None
    more = [folder for one in args.models[1:] for folder in search_folders(one)[:1]]
    found = preflight(
        recipe(args.recipe),
        search_folders(first, more),
        restorer=args.restorer,
        target=partial(fetch_folder, first),
    )
    machine = _machine(args.device)
    if not found.ready:
        found.make_folders()
    if args.json:
        write_json({**machine, **_as_data(found)})
    else:
        _print(machine, found)
    return int(not found.ready)


def _machine(device_name: str) -> dict[str, Any]:
    """Return what a restoration would run on."""
    import torch

    from ..devices import parse_device
    from ..models.precision import precision_preset

    device = parse_device(device_name)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "python": f"{platform.python_version()} ({sys.executable})",
        "torch": torch.__version__,
        "device": f"{device} ({name})",
        "precision": precision_preset("auto", device).name,
        "opencv": _opencv(),
        "numba": _version("numba") or "not installed (not needed)",
    }


def _opencv() -> str:
    """Return which of the packages that call themselves cv2 is here, by pip's names."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python",
             "opencv-contrib-python-headless")  # fmt: skip
    found = [f"{name} {version}" for name in names if (version := _version(name))]
    if len(found) > 1:
        return f"{', '.join(found)}: these overwrite each other; keep one"
    return found[0] if found else "not installed (not needed)"


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _print(machine: dict[str, Any], found: "Preflight") -> None:
    titles = {"python": "Python", "opencv": "OpenCV", "precision": "precision (auto)"}
    for key, value in machine.items():
        print(f"{titles.get(key, key)}: {value}")
    print(f"recipe: {found.recipe}, coarse restorer: {found.restorer}")
    for one in found.files:
        print(f"  {one.role}: {one.path or f'{one.file.file_name} is missing'}")
    for file, path in found.optional:
        print(f"  optional: {path or f'{file.file_name} is not here'}, for {file.purpose}")
    for note in found.notes:
        print(note)
    print(found.report())


def _as_data(found: "Preflight") -> dict[str, Any]:
    return {
        "recipe": found.recipe,
        "restorer": found.restorer,
        "ready": found.ready,
        "files": [
            {
                "role": one.role,
                "name": one.file.name,
                "path": None if one.path is None else str(one.path),
                "licence": one.file.licence,
                "megabytes": one.file.about_megabytes,
                "url": one.file.url,
                "folder": str(found.target(one.file)),
            }
            for one in found.files
        ],
        "optional": {
            file.name: None if path is None else str(path) for file, path in found.optional
        },
        "missing_packages": [one.pip for one in found.missing_packages],
        "notes": list(found.notes),
        "steps": [] if found.ready else found.steps,
    }

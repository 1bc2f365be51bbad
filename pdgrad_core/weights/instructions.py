"""How a user gets everything that is missing: the files in words, and the steps to take."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..dependencies import Package
from ..errors import CheckpointNotFoundError
from .catalogue import WeightFile
from .command_lines import fetch_command, pip_command
from .folders import by_hand, fetch_folder, not_found

Target = Callable[[WeightFile], Path]
"""Where a file belongs."""


def default_target(file: WeightFile) -> Path:
    """Return where a file is put if nobody says otherwise."""
    return fetch_folder(file=file)


def describe(file: WeightFile, folder: Path) -> str:
    """Return three lines about a missing file: what for, licence and source, and where to."""
    source = f"from {file.url}" if file.url else f"by hand from {file.page}"
    return (
        f"  {file.file_name}, {file.size_text}: {file.purpose}\n"
        f"    licence: {file.licence}; {source}\n"
        f"    into {folder}"
    )


def steps(
    files: Sequence[WeightFile], packages: Sequence[Package], target: Target = default_target
) -> list[str]:
    """Return all that is to be done for what is missing, a line each: commands, then by hand.

    Args:
        files: The missing files.
        packages: The missing packages.
        target: Where each file belongs.
    """
    lines = [pip_command(packages)] if packages else []
    by_folder: dict[Path | None, list[str]] = {}
    for file in files:
        if file.url is not None:
            folder = target(file)
            named = None if folder == default_target(file) else folder
            by_folder.setdefault(named, []).append(file.name)
    lines += [fetch_command(names, folder) for folder, names in by_folder.items()]
    return lines + [by_hand(file, target(file)) for file in files if file.url is None]


def missing_files(
    files: Sequence[WeightFile], folders: Sequence[Path], target: Target = default_target
) -> CheckpointNotFoundError:
    """Return one error for all the files that are missing.

    Args:
        files: One or more.
        folders: Where they were looked for.
        target: Where each belongs.
    """
    if len(files) == 1:
        return not_found(files[0], folders)
    lines = [f"{len(files)} weight files are needed and were not found:"]
    lines += [describe(file, target(file)) for file in files]
    lines += ["To get them:", *(f"  {step}" for step in steps(files, [], target))]
    return CheckpointNotFoundError("\n".join(lines))

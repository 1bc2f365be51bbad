"""Where results are going to be written, checked before the work that they cost.

No result is written onto an input, whatever links lead there, nor onto another result; and every
place is tried before anything is computed.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import WriteError
from .files import check_folder


@dataclass(frozen=True)
class Output:
    """One file that is going to be written, or a folder that will receive files.

    Attributes:
        option: What the user knows it by, such as "--report".
        path: The file, or the folder.
        names: Of a folder: whether a file of a name will be written there; None for a file.
    """

    option: str
    path: Path
    names: Callable[[str], bool] | None = None

    @property
    def folder(self) -> Path:
        """Where files will appear."""
        return self.path.parent if self.names is None else self.path

    def writes(self, folder: str, name: str) -> bool:
        """Return whether a file of this name is written in a folder, given by its real path."""
        if self.names is None:
            return (folder, name) == _place(self.path)
        return folder == _real(self.path) and self.names(name)


def check_outputs(outputs: Sequence[Output], inputs: Iterable[Path | None]) -> None:
    """Refuse what would overwrite an input, collide, or find no place; nothing is written.

    Args:
        outputs: All that a command is going to write.
        inputs: The files that it reads; None and missing ones are passed over.

    Raises:
        WriteError: An output is an input's own file (by whatever name, through links of either
            kind), two outputs are one file, or a folder cannot be written.
    """
    known = {_identity(path): path for path in inputs if path is not None and path.exists()}
    for output in outputs:
        _check_kind(output)
        for path in _existing(output):
            if path.exists() and _identity(path) in known:
                source = known[_identity(path)]
                way = "" if path == source else f", by its other name {path}"
                raise WriteError(
                    f"{output.option} would overwrite the input {source}{way}; choose another "
                    "place for it."
                )
    _check_collisions(outputs)
    for folder in dict.fromkeys(output.folder for output in outputs):
        check_folder(folder)


def _check_kind(output: Output) -> None:
    """Refuse a file where a folder is, and what is no file at all: a device, a pipe."""
    path = output.path
    if output.names is not None or not path.exists():
        return
    if path.is_dir():
        raise WriteError(f"{output.option} {path} is a folder; give the name of a file.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise WriteError(
            f"{output.option} {path} is no file that could be replaced; give the name of a file."
        )


def _existing(output: Output) -> list[Path]:
    """Return the files that are there already where the output will write."""
    if output.names is None:
        return [output.path]
    if not output.path.is_dir():
        return []
    names = output.names
    return [path for path in output.path.iterdir() if names(path.name)]


def _check_collisions(outputs: Sequence[Output]) -> None:
    files = [output for output in outputs if output.names is None]
    for file in files:
        place = _place(file.path)
        for other in outputs:
            if other is file:
                continue
            if other.writes(*place):
                raise WriteError(
                    f"{file.option} and {other.option} would both write {file.path}; choose "
                    "another place for one of them."
                )
            if os.path.join(*place) in _folders(other):
                raise WriteError(
                    f"{file.option} would make {file.path} a file, and {other.option} needs a "
                    "folder of that name; choose another place for one of them."
                )


def _folders(output: Output) -> set[str]:
    """Return the real paths of all folders above an output, as far as they are to be made."""
    found: set[str] = set()
    folder = Path(_real(output.folder))
    while not folder.exists() and folder != folder.parent:
        found.add(str(folder))
        folder = folder.parent
    return found


def _identity(path: Path) -> tuple[int, int]:
    """Return what a file is to the system: the same for every name and link of it."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _place(path: Path) -> tuple[str, str]:
    """Return folder and name of a file that may not be there; a link is a place of its own."""
    return _real(path.parent), _folded(path.name)


def _real(folder: Path) -> str:
    return _folded(os.path.realpath(folder))


def _folded(name: str) -> str:
    """Return a name as the system compares it: Windows and macOS do not tell cases apart."""
    return name.casefold() if sys.platform in ("win32", "darwin") else name

"""Files that appear whole or not at all, in folders that were found writable before the work."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import PDGradError, WriteError

PROBE_BYTES = 1 << 16
"""So much is written for a try: a disk that is full still makes empty files."""

_STEM_CHARACTERS = 40
"""Of the file's name in the temporary one: the whole may be as long as names can be."""


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    An interruption or an error leaves the old file, if any, and no half-written one.

    Raises:
        WriteError: The folder takes no file, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:_STEM_CHARACTERS]}-", suffix=path.suffix
        )
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        os.close(handle)
        _fill(temporary, path, write)
    finally:
        temporary.unlink(missing_ok=True)


def _fill(temporary: Path, path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except PDGradError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    except Exception as error:
        # Libraries that write by themselves hide a full disk behind errors of their own: the disk
        # is asked instead.
        reason = _refusal(temporary)
        if reason is None:
            raise
        raise cannot_write(path, reason) from error


def cannot_write(path: Path, error: OSError) -> WriteError:
    """Return the error of a file or folder that cannot be written, with the system's reason."""
    return WriteError(
        f"{path} cannot be written ({error.strerror or error}); make room, or choose another place."
    )


def check_folder(folder: Path) -> None:
    """Raise WriteError unless files can be written into a folder, or where it would be made.

    Args:
        folder: May be missing; it is not made. A file is written for a try, and is gone again.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise WriteError(f"{folder} cannot be a folder: {place} is a file; choose another place.")
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        raise cannot_write(folder, error) from error


def check_space(folder: Path, needed_bytes: int) -> None:
    """Raise WriteError where a folder's disk has less room than is needed."""
    place = folder
    while not place.is_dir() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        raise WriteError(
            f"{folder} needs room for {needed_bytes / 1e6:.0f} MB, and {free / 1e6:.0f} MB are "
            "free; make room, or choose another place."
        )


def _refusal(path: Path) -> OSError | None:
    """Return why a file that is there takes no more bytes, or None where it takes them."""
    try:
        with path.open("ab", buffering=0) as file:
            left = 1 << 20
            while left:
                left -= file.write(bytes(left))
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

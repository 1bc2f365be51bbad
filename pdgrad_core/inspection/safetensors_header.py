"""The header of a safetensors file: names, types, shapes and places, as JSON."""

import json
from pathlib import Path
from typing import Any, BinaryIO, cast

from .findings import DamagedError
from .pickle_things import MAX_DIMENSIONS

MAX_HEADER_BYTES = 16 << 20
"""About 100,000 tensors; the format itself allows 100 MB, of which JSON makes gigabytes."""

METADATA = "__metadata__"

LENGTH_BYTES = 8
"""A file begins with the length of its header."""


def read_header(path: Path) -> dict[str, Any]:
    """Return a file's header as it stands, its tensors' entries unchecked.

    Raises:
        DamagedError: There is no header.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return _header(file, path.stat().st_size)


def check_safetensors(file: BinaryIO, size_bytes: int) -> None:
    """Check that every tensor lies within the file and has the size of its place.

    Types and gaps are left to safetensors itself, which checks them before it reserves memory.

    Raises:
        DamagedError: The header is none, or the numbers it speaks of are not there.
    """
    header = _header(file, size_bytes)
    left = size_bytes - file.tell()
    end = 0
    for name, entry in header.items():
        if name == METADATA:
            continue
        match entry:
            case {"shape": [*shape], "data_offsets": [int(begin), int(stop)]}:
                if not 0 <= begin <= stop:
                    raise DamagedError(f"its tensor {name[:40]!r} ends before it begins")
            case _:
                raise DamagedError(f"its entry {name[:40]!r} is no tensor")
        if len(shape) > MAX_DIMENSIONS or not all(_is_size(length) for length in shape):
            raise DamagedError(f"its tensor {name[:40]!r} has no shape")
        end = max(end, stop)
    if end != left:
        raise DamagedError(f"its tensors take {end} bytes, and {left} follow the header")


def _header(file: BinaryIO, size_bytes: int) -> dict[str, Any]:
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if length > size_bytes - LENGTH_BYTES:
        raise DamagedError("its header is longer than the file")
    if length > MAX_HEADER_BYTES:
        raise DamagedError(f"its header of {length} bytes is longer than any network's")
    try:
        header = json.loads(file.read(length))
    except RecursionError as error:
        raise DamagedError("its header is nested deep") from error
    except ValueError as error:
        raise DamagedError("its header is no JSON") from error
    if not isinstance(header, dict):
        raise DamagedError("its header is no JSON object")
    return cast("dict[str, Any]", header)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63

"""Which kind of weight file one is, and one sentence about every file that is none."""

import mmap
import struct
import zipfile
from pathlib import Path
from typing import Literal

from ..errors import CorruptCheckpointError, UnsafeCheckpointError
from .findings import DamagedError, ForeignCodeError
from .onnx_fields import check_onnx
from .safetensors_header import LENGTH_BYTES, MAX_HEADER_BYTES, check_safetensors
from .torch_legacy import check_legacy
from .torch_zip import check_zip, pickle_bytes

Kind = Literal["safetensors", "onnx", "torch zip", "torch legacy"]

_ZIP_START = b"PK\x03\x04"
_HEAD_BYTES = 512

# What reading damaged bytes raises, inside zipfile above all.
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
)

# What is often found in the place of a weight file, by its first bytes in lower case.
_STRANGERS = (
    (b"<!doctype", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"<", "a page of markup"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file it points to"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89png", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%pdf", "a PDF document"),
    (b"gguf", "a GGUF file"),
    (b"rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
)


def inspect(path: Path | str, name: str | None = None) -> Kind:
    """Check that a file is the kind of weight file that its name says, without loading it.

    Everything that it declares (sizes, shapes, nesting, the steps of its pickle) is compared with
    the bytes that are there. Memory and time stay within a small multiple of the file's own size,
    and within some seconds for the pickle.

    Args:
        path: The file.
        name: The file name that says what it should be; that of `path` if None.

    Returns:
        What the file is.

    Raises:
        CorruptCheckpointError: The file is truncated, or something else.
        UnsafeCheckpointError: The file is a pickle that names Python objects. The cause of either
            is the fault in a phrase.
    """
    path = Path(path)
    name = path.name if name is None else name
    try:
        return _inspected(path, _suffix(name))
    except ForeignCodeError as error:
        raise UnsafeCheckpointError(
            f"{name} is a pickle that holds Python objects beside its weights "
            f"({str(error)[:80]!r}), and reading it would run code from it; use a file that holds "
            "tensors only (safetensors, or a plain state dict)."
        ) from error
    except (DamagedError, OSError) as error:
        raise corrupt(path, error, name) from error
    except _UNREADABLE as error:
        damaged = DamagedError("a damaged archive")
        damaged.__cause__ = error
        raise corrupt(path, damaged, name) from damaged


def naming_bytes(path: Path | str) -> bytes:
    """Return the part of a weight file that names its tensors, its pickle or its header, unread.

    Empty where there is none; a file that is not whole may still have it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP_START)) == _ZIP_START:
                return pickle_bytes(file, path.stat().st_size)
            file.seek(0)
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            return file.read(min(length, MAX_HEADER_BYTES, path.stat().st_size))
    except _UNREADABLE:
        return b""


def corrupt(path: Path, error: Exception, name: str | None = None) -> CorruptCheckpointError:
    """Return the sentence about a file that is no weight file."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    size = f"{path.stat().st_size} bytes" if path.exists() else "gone"
    return CorruptCheckpointError(
        f"{path.name if name is None else name} ({size}) cannot be read as a weight file; it is "
        f"truncated or something else ({lines[0][:200]}). Fetch it again."
    )


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in (".safetensors", ".onnx") else ".pth"


def _inspected(path: Path, suffix: str) -> Kind:
    size_bytes = path.stat().st_size
    if not size_bytes:
        raise DamagedError("an empty file")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        _refuse_strangers(head, suffix)
        if suffix == ".safetensors":
            check_safetensors(file, size_bytes)
            return "safetensors"
        if suffix == ".pth" and head.startswith(_ZIP_START):
            check_zip(file, size_bytes)
            return "torch zip"
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if suffix == ".onnx":
                check_onnx(content)
                return "onnx"
            check_legacy(content)
    return "torch legacy"


def _refuse_strangers(head: bytes, suffix: str) -> None:
    """Name what lies there, where its first bytes tell."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, what in _STRANGERS:
        if start.startswith(mark):
            raise DamagedError(what)
    if suffix != ".pth" and head.startswith(_ZIP_START):
        raise DamagedError(f"a zip archive, such as PyTorch's .pth, under the name of a {suffix}")
    if suffix == ".pth" and head[8:10] == b'{"':
        raise DamagedError("a safetensors file under another name; give it that suffix")

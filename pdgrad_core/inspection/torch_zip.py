"""PyTorch's zip format: records stored as they are, a pickle that refers to them by name."""

import io
import struct
import zipfile
from typing import BinaryIO

from .findings import DamagedError
from .pickle_program import Program, read_program

MAX_TENSOR_SHARE = 8
"""Bytes of tensors per byte of the file; tied weights and averages saved twice take up to 3."""

# The ends of a zip archive: signature, offset of the directory, length of the comment; those of an
# archive of more than 4 GB: signature, offset; and where that one lies.
_END = struct.Struct("<4s12xIH")
_END64 = struct.Struct("<4s44xQ")
_LOCATOR64 = struct.Struct("<4s4xQ4x")
_IN_END64 = 0xFFFFFFFF
_SMALL_BYTES = 1 << 20


def check_zip(file: BinaryIO, size_bytes: int) -> None:
    """Compare what an archive and its pickle declare with what is there; nothing is unpacked.

    Raises:
        DamagedError: It is no archive of weights as PyTorch writes them.
        ForeignCodeError: Its pickle names Python objects.
    """
    with zipfile.ZipFile(file) as archive:
        _check_end(file, size_bytes, archive.start_dir)
        records = _records(archive, size_bytes)
        program = read_program(io.BytesIO(archive.read(_pickle_record(records))))
    folder = next(iter(records)).split("/")[0]
    for storage in program.storages.values():
        record = records.get(f"{folder}/data/{storage.key}")
        if record is None:
            raise DamagedError(f"its storage {storage.key[:40]!r} is missing")
        if record.file_size < storage.size_bytes:
            raise DamagedError(
                f"its storage {storage.key[:40]!r} has {record.file_size} bytes, and "
                f"{storage.size_bytes} are declared"
            )
    check_tensors(program, size_bytes)


def pickle_bytes(file: BinaryIO, size_bytes: int) -> bytes:
    """Return the pickle of an archive, not loaded.

    Raises:
        DamagedError: There is none.
    """
    with zipfile.ZipFile(file) as archive:
        return archive.read(_pickle_record(_records(archive, size_bytes)))


def check_tensors(program: Program, size_bytes: int) -> None:
    """Refuse tensors that together are far larger than the file, as views of one number can be."""
    limit = _SMALL_BYTES + MAX_TENSOR_SHARE * size_bytes
    if program.tensor_bytes > limit:
        raise DamagedError(
            f"its tensors would take {program.tensor_bytes} bytes, more than {MAX_TENSOR_SHARE} "
            "times the file"
        )


def _check_end(file: BinaryIO, size_bytes: int, directory: int) -> None:
    """Check that PyTorch's reader will find the directory that Python's reader has found.

    Python's corrects the offset of an archive that something was put in front of, and skips a
    comment; PyTorch's does neither, and would read whatever lies at the place named.
    """
    file.seek(max(0, size_bytes - _END.size))
    signature, offset, comment_bytes = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or comment_bytes:
        raise DamagedError("a zip archive with something behind it")
    if offset == _IN_END64:
        place = size_bytes - _END.size - _LOCATOR64.size - _END64.size
        if place < 0:
            raise DamagedError("a damaged archive")
        file.seek(place)
        end64, offset = _END64.unpack(file.read(_END64.size))
        locator, named = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
        if (end64, locator, named) != (b"PK\x06\x06", b"PK\x06\x07", place):
            raise DamagedError("a damaged archive")
    if offset != directory:
        raise DamagedError("a zip archive with something before it")


def _records(archive: zipfile.ZipFile, size_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Return an archive's records by name, all of them stored and none twice."""
    records: dict[str, zipfile.ZipInfo] = {}
    for record in archive.infolist():
        name = record.orig_filename
        if record.flag_bits & 0x1:
            raise DamagedError("a zip archive with a password")
        if record.compress_type != zipfile.ZIP_STORED or record.compress_size != record.file_size:
            raise DamagedError(
                f"a zip archive that is compressed (method {record.compress_type}, "
                f"{record.file_size} bytes in {record.compress_size}), which PyTorch never does"
            )
        records[name] = record
    # PyTorch's reader finds names whatever their case: which of two it takes is not for us to say.
    if len({name.lower() for name in records}) != len(archive.infolist()):
        raise DamagedError("a zip archive with several records of one name")
    declared = sum(record.file_size for record in records.values())
    if declared > size_bytes:
        raise DamagedError(f"a zip archive whose records would take {declared} bytes")
    return records


def _pickle_record(records: dict[str, zipfile.ZipInfo]) -> zipfile.ZipInfo:
    folder = next(iter(records), "").split("/")[0]
    if f"{folder}/constants.pkl" in records:
        raise DamagedError("a TorchScript program, not a dictionary of weights")
    record = records.get(f"{folder}/data.pkl")
    if record is None:
        raise DamagedError("a zip archive without weights of PyTorch")
    return record

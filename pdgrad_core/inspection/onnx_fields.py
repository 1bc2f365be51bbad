"""An ONNX file's outermost fields: enough to tell a model from something else."""

import mmap

from .findings import DamagedError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_IR_VERSION, _GRAPH = 1, 7
_LAST_FIELD = 26  # of ModelProto
_MAX_FIELDS = 100_000
_MAX_VARINT_BYTES = 10


def check_onnx(content: mmap.mmap) -> None:
    """Walk the fields of the model message, which have to end where the file does.

    Source: ONNX, `onnx.proto`, message ModelProto.

    Raises:
        DamagedError: It is no ONNX model.
    """
    place = 0
    seen: set[int] = set()
    for _ in range(_MAX_FIELDS):
        if place == len(content):
            break
        tag, place = _varint(content, place)
        field, kind = tag >> 3, tag & 7
        if not 1 <= field <= _LAST_FIELD:
            raise DamagedError("it is no ONNX model")
        seen.add(field)
        if kind == _VARINT:
            _, place = _varint(content, place)
        elif kind == _BYTES:
            length, place = _varint(content, place)
            place += length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise DamagedError("it is no ONNX model")
    if place != len(content) or not {_IR_VERSION, _GRAPH} <= seen:
        raise DamagedError("it is no whole ONNX model")


def _varint(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place after it."""
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, place
    raise DamagedError("it is no ONNX model")

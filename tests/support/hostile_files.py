"""Weight files that ask for more than they are, made byte by byte."""

import io
import json
import pickle
import struct
import zipfile

import torch

FOUR_NUMBERS = struct.pack("<q", 4) + bytes(16)
GLOBAL_TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value):
    """Return the instruction that pushes a string."""
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def integer(value):
    """Return the instruction that pushes a whole number."""
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def numbers(values):
    """Return the instructions that push a tuple of whole numbers."""
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def storage(key="0", kind="Float", count=4, view=None):
    """Return the instructions that ask for a storage; `view` makes the older format's six parts."""
    parts = text("storage") + f"ctorch\n{kind}Storage\n".encode() + text(key) + text("cpu")
    return b"(" + parts + integer(count) + (view or b"") + b"tQ"


def tensor(size=(4,), stride=(1,), offset=0, rest=b"\x89ccollections\nOrderedDict\n)R", **where):
    """Return the instructions that make a tensor."""
    placed = storage(**where) + integer(offset) + numbers(size) + numbers(stride)
    return GLOBAL_TENSOR + b"(" + placed + rest + b"tR"


def program(*items):
    """Return a pickle of a dictionary; items are (name, instructions)."""
    pairs = b"".join(text(name) + instructions for name, instructions in items)
    return b"\x80\x02}(" + pairs + b"u."


def zipped(pickled, data=bytes(16), method=zipfile.ZIP_STORED, extra=()):
    """Return an archive as PyTorch writes one, with this pickle and one storage."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method, compresslevel=1) as archive:
        for name, content in (("data.pkl", pickled), ("version", b"3\n"), ("data/0", data), *extra):
            archive.writestr(f"archive/{name}", content)
    return target.getvalue()


def legacy(pickled, keys=("0",), data=FOUR_NUMBERS):
    """Return a file in the format before zip archives."""
    head = [torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, {}]
    return b"".join(pickle.dumps(part, 2) for part in head) + pickled + _keys(keys) + data


def _keys(keys):
    return b"\x80\x02](" + b"".join(text(key) for key in keys) + b"e."


def doubling(levels, empty, close=None):
    """Return instructions for an object that holds one object twice, which holds one twice, ...

    Args:
        levels: How often; written out there would be 2 to that power.
        empty: Instruction that pushes the innermost.
        close: Instruction that makes a list of two; a tuple if None.
    """
    made = empty + _put(0)
    for level in range(1, levels + 1):
        twice = made + b"j" + struct.pack("<I", level - 1)
        made = (twice + b"\x86" if close is None else empty + b"(" + twice + close) + _put(level)
    return made


def _put(index):
    return b"r" + struct.pack("<I", index)


def safetensors(header, data=b""):
    """Return a safetensors file with a header given as bytes or as an object."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content + data

"""PyTorch's format before version 1.6: five pickles, then the storages' numbers one after another.

Both formats' pickles are read by the same program reader; only where the numbers lie differs.
"""

import mmap
import tarfile

from .findings import DamagedError
from .pickle_program import MAX_INSTRUCTIONS, Program, read_program
from .pickle_things import Thing
from .torch_zip import check_tensors

_PICKLE_START = b"\x80"
_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT_BYTES = 8  # each storage's numbers follow their count


def check_legacy(content: mmap.mmap) -> None:
    """Compare what the pickles declare with the bytes that follow them.

    Args:
        content: The file, read from its beginning.

    Raises:
        DamagedError: It is no file of weights in this format, or is cut off.
        ForeignCodeError: A pickle in it names Python objects.
    """
    if content[:1] != _PICKLE_START:
        raise DamagedError("it holds no pickled tensors")
    _refuse_tar(content)
    budget = MAX_INSTRUCTIONS
    programs: list[Program] = []
    for expected in (_MAGIC, _VERSION, None, None, None):
        program = read_program(content, budget)
        if expected is not None and program.result != expected:
            raise DamagedError("it holds no pickled tensors")
        budget -= program.instructions
        programs.append(program)
    weights, keys = programs[3], programs[4].result
    listed = keys.parts if isinstance(keys, Thing) and keys.kind == "list" else []
    if not all(isinstance(key, str) for key in listed) or set(listed) != set(weights.storages):
        # The numbers of a storage that is not listed would be whatever the memory held before.
        raise DamagedError("its storages and the list of them differ")
    # A key that is listed twice is read twice.
    declared = sum(_COUNT_BYTES + weights.storages[key].size_bytes for key in listed)
    left = len(content) - content.tell()
    if declared > left:
        raise DamagedError(f"its storages would take {declared} bytes, and {left} follow")
    check_tensors(weights, len(content))


def _refuse_tar(content: mmap.mmap) -> None:
    """Refuse the tar archives of the first PyTorch versions, which safe loading does not take."""
    try:
        tarfile.TarInfo.frombuf(content[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return
    raise DamagedError("a tar archive, as PyTorch wrote them before version 0.2")

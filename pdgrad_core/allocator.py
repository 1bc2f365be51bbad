"""The C library's memory allocator, told to keep what large tensors give back."""

import ctypes
import logging
import sys

logger = logging.getLogger(__name__)

# Of <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4

_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process reuse the memory of freed tensors instead of returning it to the system.

    By default glibc gives every block above some megabytes its own pages, which the system must
    clear and map anew at each layer of each step. Kept, they are reused; the peak stays nearly the
    same, but the process does not shrink between peaks. So this is for our own command line, never
    for a host that shares its process with others.

    Returns:
        Whether the setting was taken; other C libraries than glibc have none.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    taken = bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _MOST))
    logger.debug("Freed memory is kept: %s.", taken)
    return taken

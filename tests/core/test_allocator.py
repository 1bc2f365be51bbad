"""Keeping freed memory: taken where glibc is, harmless elsewhere."""

import subprocess
import sys

import pytest

from pdgrad_core import allocator

# A tensor's worth of memory, freed and asked for again: with the setting it has its pages already.
CODE = """
import ctypes, resource
from pdgrad_core.allocator import keep_freed_memory
kept = keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(64 << 20)
    del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first, second = faults(), faults()
print(int(kept), int(second < first / 4))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's C library")
def test_memory_is_reused_where_the_setting_is_taken():
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    kept, reused = out.stdout.split()
    assert reused == "1" or kept == "0"


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.sys, "platform", "win32")
    assert allocator.keep_freed_memory() is False

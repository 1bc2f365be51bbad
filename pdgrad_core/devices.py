"""Devices and dtypes by name, and what a report says about the machine."""

import os
import platform
import sys
from functools import lru_cache
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

from .errors import InvalidInputError, UnknownNameError
from .registry import unknown_name

_USUAL_MEMORY_BYTES = 8 << 30

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def parse_device(name: str) -> torch.device:
    """Return a device by name; "auto" is the first accelerator that is there, else the CPU.

    Raises:
        InvalidInputError: torch knows no such device, or it is not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.ones(2, device=device).sum().item()  # "meta" holds no numbers
    # A device that torch knows and lacks surfaces as almost any type: a missing module, an assert.
    except Exception as error:
        available = ["cpu"]
        available += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        available += ["mps"] if torch.backends.mps.is_available() else []
        raise InvalidInputError(
            f"The device {name!r} cannot be used here; there is {', '.join(available)}, or 'auto'."
        ) from error
    return device


def parse_dtype(name: str) -> torch.dtype:
    """Return a dtype by name.

    Raises:
        UnknownNameError: It is none of float32, bfloat16, float16.
    """
    short = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
    error: UnknownNameError = unknown_name("dtype", name, list(DTYPES))
    if short.get(name, name) not in DTYPES:
        raise error
    return DTYPES[short.get(name, name)]


def at_least_float32(value: Tensor) -> Tensor:
    """Return a tensor as others are handed it: float32, or float64 where that was computed."""
    return value if value.dtype == torch.float64 else value.float()


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """Return numbers as a tensor `(N,)` of another's device and dtype, made there once.

    Made anew at each use they would be copied to a GPU each time. Nobody may write into it.
    """
    return _constant(values, like.device, like.dtype)


@lru_cache(maxsize=64)
def _constant(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    # Kept beyond the caller's modes: what inference mode makes cannot be used outside of it.
    with torch.inference_mode(False), torch.no_grad():
        return torch.tensor(values, device=device, dtype=dtype)


def exact_dtype(device: torch.device) -> torch.dtype:
    """Return float64 where the device computes in it (Apple's GPUs do not), else float32."""
    return torch.float64 if _has_float64(device.type) else torch.float32


@lru_cache
def _has_float64(kind: str) -> bool:
    try:
        torch.ones(2, dtype=torch.float64, device=kind).sum()
    # "Not supported" is a TypeError on one device and a RuntimeError on the next.
    except (TypeError, RuntimeError):
        return False
    return True


def dtype_name(dtype: torch.dtype) -> str:
    """Return a dtype's name, such as "bfloat16"."""
    return str(dtype).removeprefix("torch.")


def memory_bytes(device: torch.device) -> int:
    """Return a device's memory, used or not; for a CPU, the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows has no such call
        return _USUAL_MEMORY_BYTES


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory used so far: the GPU's where one is used, else the process's.

    See `begin_peak`.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows has none
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def begin_peak(device: torch.device) -> None:
    """Let `peak_memory_bytes` count from now on, where the device can: of a process it cannot."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def environment(device: torch.device) -> dict[str, Any]:
    """Return versions and machine facts for a report."""
    packages = {"pdgrad", "torch", "torchvision", "numpy", "spandrel", "facexlib", "lpips"}
    installed = {
        d.metadata["Name"]: d.version
        for d in metadata.distributions()
        if d.metadata["Name"] in packages
    }
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "versions": {"python": platform.python_version(), **dict(sorted(installed.items()))},
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
    }

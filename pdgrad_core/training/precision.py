"""Which precision a device trains fastest in."""

from contextlib import AbstractContextManager

import torch


def choose_device(name: str) -> torch.device:
    """Return the device of this name; "auto" takes CUDA, else Apple's, else the CPU."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return the context in which a forward pass runs.

    Args:
        device: Where.
        precision: "float32", "bfloat16", or "auto": bfloat16 on CUDA from Ampere on. On a CPU it
            loses at these sizes (60 against 75 images a second and core, 1.9M parameters), since
            the conversions cost more than the products save.
    """
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    enabled = precision == "bfloat16" or (precision == "auto" and fast)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)

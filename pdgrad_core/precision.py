"""In which dtypes a guided step computes: exact, balanced, or fast.

The gradient's error is about the square root of the FORWARD's rounding (ReLU and pooling decisions
flip), while the adjoint's rounding enters once: so `balanced` keeps the feature networks' forward
in float32 and puts only their adjoint and the U-Net into 16 bit.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch

from .features.base import FeatureNetwork, Precision
from .registry import unknown_name

_SIXTEEN = torch.bfloat16
_PROBE_SIDE = 768
_WORTH_IT = 1.5


@dataclass(frozen=True)
class PrecisionPreset:
    """Dtypes of a run.

    Attributes:
        prior: In what the U-Net computes.
        features: In what the feature networks' two passes compute.
    """

    prior: torch.dtype
    features: Precision


PRECISIONS: dict[str, PrecisionPreset] = {
    "exact": PrecisionPreset(torch.float32, Precision()),
    "balanced": PrecisionPreset(_SIXTEEN, Precision(torch.float32, _SIXTEEN)),
    "fast": PrecisionPreset(_SIXTEEN, Precision(_SIXTEEN, _SIXTEEN)),
}
"""The presets by name."""


def precision_preset(name: str, device: torch.device) -> PrecisionPreset:
    """Return a preset by name; "auto" is `balanced` where 16-bit arithmetic is fast, else `exact`.

    Raises:
        UnknownNameError: There is no such preset.
    """
    if name == "auto":
        name = "balanced" if has_fast_16_bit(device) else "exact"
    if name not in PRECISIONS:
        raise unknown_name("precision", name, ["auto", *PRECISIONS])
    return PRECISIONS[name]


@lru_cache(maxsize=8)
def has_fast_16_bit(device: torch.device) -> bool:
    """Return whether a bfloat16 matrix product is clearly faster here than a float32 one.

    Measured once per device and process, in a few milliseconds.
    """
    with torch.inference_mode(False), torch.no_grad():
        seconds = {dtype: _product_seconds(dtype, device) for dtype in (torch.float32, _SIXTEEN)}
    return seconds[torch.float32] > _WORTH_IT * seconds[_SIXTEEN]


def set_precision(networks: Iterable[FeatureNetwork], precision: Precision) -> None:
    """Let feature networks compute in these dtypes from now on."""
    for network in networks:
        network.precision = precision


def _product_seconds(dtype: torch.dtype, device: torch.device) -> float:
    a = torch.ones(_PROBE_SIDE, _PROBE_SIDE, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(4):
        _wait(device)
        began = time.perf_counter()
        _ = a @ a
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

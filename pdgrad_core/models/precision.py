"""Precision presets: in which dtypes the networks of a restoration compute.

The gradient's error is about the square root of the FORWARD's rounding, which decides which way
ReLU and pooling go; the adjoint's own rounding enters once, linearly. So the forward of the feature
networks is the last thing to give up float32, and their adjoints and the prior the first.

What each preset computes:

- CPU: exact float32; balanced float32 features, bfloat16 adjoints and prior, the identity network
  in float32; fast bfloat16. The last two need AMX or AVX512-BF16.
- CUDA: exact float32; balanced float32 features, float16 adjoints and prior; fast float16. The last
  two need tensor cores (compute capability 7.0) or ROCm.
- MPS: exact float32; the other two are refused.

Float32 is meant as it says: `true_float32` keeps TF32 off for as long as our networks run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from ..diffusion.priors import LoadedPrior
from ..errors import InvalidInputError
from ..features.base import FeatureNetwork, Precision
from ..registry import unknown_name

PRECISIONS = ("exact", "balanced", "fast")
"""The presets' names, from the most exact to the fastest."""


@dataclass(frozen=True)
class PrecisionPreset:
    """In which dtypes the networks compute.

    Attributes:
        name: Out of `PRECISIONS`.
        prior: Dtype of the diffusion prior.
        features: Dtypes of the feature networks.
        arcface: Dtypes of the identity network.
    """

    name: str
    prior: torch.dtype
    features: Precision
    arcface: Precision

    def apply(
        self, features: Mapping[str, FeatureNetwork], prior: LoadedPrior | None = None
    ) -> None:
        """Let networks compute in these dtypes from now on.

        Args:
            features: Feature networks by name.
            prior: The prior; its weights are rounded, so it comes back to float32 by a reload only.
        """
        for name, network in features.items():
            network.precision = self.arcface if name == "arcface" else self.features
        if prior is not None:
            prior.to(dtype=self.prior)


def precision_preset(name: str, device: torch.device) -> PrecisionPreset:
    """Return a preset for a device.

    Args:
        name: "exact": float32 throughout. "balanced": float32 forward, 16-bit adjoints and prior.
            "fast": 16 bit throughout. "auto": "balanced" where the device multiplies 16-bit
            matrices in hardware, else "exact".
        device: Where the networks run.

    Raises:
        UnknownNameError: There is no preset of this name.
        InvalidInputError: A 16-bit preset on a device that gains nothing from it.
    """
    if name not in (*PRECISIONS, "auto"):
        raise unknown_name("precision", name, [*PRECISIONS, "auto"])
    half = fast_16_bit_dtype(device)
    if name == "auto":
        name = "exact" if half is None else "balanced"
    exact = Precision()
    if name == "exact":
        return PrecisionPreset(name, torch.float32, exact, exact)
    if half is None:
        raise InvalidInputError(
            f"The precision {name!r} computes in 16 bit, which is not fast on {device} here; "
            "choose 'exact' or 'auto'."
        )
    if name == "fast":
        everything = Precision(half, half)
        return PrecisionPreset(name, half, everything, everything)
    mixed = Precision(torch.float32, half)
    # Through ArcFace's fifty layers bfloat16 loses more than 1e-4 of the gradient's cosine, to save
    # a twentieth of the guidance's time; float16 has three bits more.
    return PrecisionPreset(name, half, mixed, exact if half == torch.bfloat16 else mixed)


def fast_16_bit_dtype(device: torch.device) -> torch.dtype | None:
    """Return the 16-bit dtype in which a device multiplies matrices in hardware; None if in none.

    float16 where it can be (its three more bits of mantissa count, and cotangents are scaled into
    its range), bfloat16 on CPUs.
    """
    if device.type == "cuda":
        # Tensor cores came with compute capability 7.0; what ROCm runs on has matrix units.
        capable = torch.version.hip or torch.cuda.get_device_capability(device) >= (7, 0)
        return torch.float16 if capable else None
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_multiplies_bfloat16() else None
    return None


@lru_cache(maxsize=1)
def _cpu_multiplies_bfloat16() -> bool:
    """Return whether this CPU has AMX or AVX512-BF16, which oneDNN uses."""
    cpu: Any = torch.cpu
    if hasattr(cpu, "get_capabilities"):
        found = cpu.get_capabilities()
        return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
    # Before torch 2.10 or so the question has no public form.
    probes = [getattr(cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16")]
    return any(probe is not None and probe() for probe in probes)

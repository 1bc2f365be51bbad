"""The weight recipe R(gain) of the golden vectors: random weights that anyone can make again.

Every tensor is drawn from a generator seeded with the CRC-32 of its state-dict name, so networks
that are too big to store are still the same everywhere.
"""

import math
import zlib

import numpy as np
import torch
from torch import Tensor, nn


def recipe_tensor(
    key: str, shape: tuple[int, ...], gain: float = 1.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return the tensor that R(gain) gives to one state-dict entry.

    Args:
        key: Official state-dict name; it seeds the generator and its ending picks the rule.
        shape: Shape of the entry.
        gain: Factor on matrices and kernels, the G of R(G).
        dtype: Integer dtypes (`num_batches_tracked`) give zeros; all others float32.
    """
    if not dtype.is_floating_point:
        return torch.zeros(shape, dtype=dtype)
    random = np.random.RandomState(zlib.crc32(key.encode("utf-8")))
    normal = random.standard_normal(math.prod(shape)).reshape(shape)
    if key.endswith("running_mean"):
        values = 0.1 * normal
    elif key.endswith("running_var"):
        values = 1 + 0.2 * np.abs(normal)
    elif len(shape) >= 2:
        values = gain * normal / np.sqrt(math.prod(shape[1:]))
    elif key.endswith("weight"):
        values = 1 + 0.1 * normal
    else:
        values = 0.05 * normal
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def recipe_state_dict(
    shapes: dict[str, tuple[tuple[int, ...], torch.dtype]], gain: float = 1.0
) -> dict[str, Tensor]:
    """Return R(gain) for a table of `{name: (shape, dtype)}`."""
    return {key: recipe_tensor(key, shape, gain, dtype) for key, (shape, dtype) in shapes.items()}


def equalised_tensor(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor that the recipe of equalised networks, StyleGAN2's, gives to one entry.

    Such networks scale weights of unit variance as they use them; R(gain) would scale them twice.
    The mapping network's are stored a hundred times larger, styles lie around 1, blurs are fixed.
    """
    if key.endswith(".kernel"):
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        return torch.outer(row, row) / (16 if "upsample" in key or ".conv.blur" in key else 64)
    if key.endswith("modulation.bias"):
        return 1 + recipe_tensor(key, shape)
    if len(shape) < 2 or key.endswith("bias"):
        return recipe_tensor(key, (math.prod(shape),)).reshape(shape)
    random = np.random.RandomState(zlib.crc32(key.encode("utf-8")))
    normal = random.standard_normal(math.prod(shape)).reshape(shape)
    return torch.from_numpy((100 * normal if ".style." in key else normal).astype(np.float32))


def fill_equalised(module: nn.Module) -> nn.Module:
    """Give a network the weights of that recipe under its own state-dict names, in eval mode."""
    state = module.state_dict()
    module.load_state_dict({k: equalised_tensor(k, tuple(v.shape)) for k, v in state.items()})
    return module.eval()


def fill(module: nn.Module, gain: float = 1.0) -> nn.Module:
    """Give a network the weights of R(gain) under its own state-dict names, in eval mode."""
    state = module.state_dict()
    shapes = {key: (tuple(value.shape), value.dtype) for key, value in state.items()}
    module.load_state_dict(recipe_state_dict(shapes, gain))
    return module.eval()

"""Test weights: full-size files of the official layouts that hold random numbers.

They let the whole program run, be timed and be tested where no published weights are; they restore
nothing, say so in their metadata, and every command that meets one warns.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoints import METADATA_ENTRY, TEST_WEIGHTS_KEY, load_checkpoint
from ..errors import CheckpointError, InvalidInputError, WriteError
from ..files import check_folder, check_space, write_whole
from ..registry import unknown_name
from .catalogue import weight_file

LAYOUTS = Path(__file__).parent / "layouts"
"""One JSON file per network: how its official file names, shapes and wraps its tensors."""


@dataclass(frozen=True)
class Layout:
    """What an official file looks like inside.

    Attributes:
        network: The network in words.
        wrapper: Entry of the file under which the state dict lies; None if it is bare.
        prefix: What the file puts before every tensor's name.
        gain: Scale of the random weights that keeps signals at their size through the network.
        tensors: Shape by the network's own state-dict name, in its order.
        equalised: How names begin of layers that scale their weights themselves, StyleGAN2's.
    """

    network: str
    wrapper: str | None
    prefix: str
    gain: float
    tensors: dict[str, list[int]]
    equalised: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """About what the file takes, in float32."""
        return sum(4 * prod(shape) for shape in self.tensors.values())


def layout_names() -> list[str]:
    """Return the short names of the weight files that can be made for tests."""
    return sorted(path.stem for path in LAYOUTS.glob("*.json"))


def read_layout(name: str) -> Layout:
    """Return the layout of an official file.

    Raises:
        UnknownNameError: There is no layout of that name.
    """
    if name not in layout_names():
        raise unknown_name("layout of a weight file", name, layout_names())
    row: dict[str, Any] = json.loads((LAYOUTS / f"{name}.json").read_text(encoding="utf-8"))
    return Layout(**{**row, "equalised": tuple(row.get("equalised", ()))})


def make_test_checkpoints(
    directory: Path | str,
    seed: int,
    only: Sequence[str] | None = None,
    done: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Write test weights under their official file names; each file appears whole or not at all.

    Args:
        directory: Target folder, made if needed.
        seed: Which random numbers, 0 or greater; 0 gives those of the golden test vectors.
        only: Short names of the files to write; all that have a layout if None.
        done: Called with each file's path once it is written.

    Returns:
        The files' paths, in the order of `only`.

    Raises:
        InvalidInputError: The seed is negative.
        UnknownNameError: There is no layout of a given name.
        WriteError: The folder takes no such files, or holds weights that are no random numbers.
    """
    if seed < 0:
        raise InvalidInputError(f"The seed must be 0 or greater, not {seed}.")
    layouts = {name: read_layout(name) for name in (layout_names() if only is None else only)}
    targets = {name: Path(directory) / weight_file(name).file_name for name in layouts}
    check_folder(Path(directory))
    check_space(Path(directory), sum(layout.size_bytes for layout in layouts.values()))
    for path in targets.values():
        _check_replaceable(path)
    paths: list[Path] = []
    for name, layout in layouts.items():
        path = targets[name]
        _write(layout, seed, path)
        paths.append(path)
        if done is not None:
            done(path)
    return paths


def random_state_dict(layout: Layout, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield a network's state-dict names and random tensors, independent of their order."""
    for key, shape in layout.tensors.items():
        equalised = key.startswith(layout.equalised)
        yield (
            key,
            (
                _fill_equalised(key, shape, seed)
                if equalised
                else _fill(key, shape, seed, layout.gain)
            ),
        )


def _check_replaceable(path: Path) -> None:
    """Raise WriteError for a file that is there and holds no test weights: it may be precious."""
    if not path.exists():
        return
    try:
        replaceable = load_checkpoint(path).is_test
    except CheckpointError:
        replaceable = False
    if not replaceable:
        raise WriteError(
            f"{path} is there already and holds no test weights; choose another folder, or move it."
        )


def _write(layout: Layout, seed: int, path: Path) -> None:
    tensors = {layout.prefix + key: value for key, value in random_state_dict(layout, seed)}
    content: dict[str, Any] = {
        METADATA_ENTRY: {
            TEST_WEIGHTS_KEY: "random numbers that restore nothing",
            "pdgrad.network": layout.network,
            "pdgrad.seed": str(seed),
        }
    }
    content.update(tensors if layout.wrapper is None else {layout.wrapper: tensors})
    write_whole(path, lambda temporary: torch.save(content, temporary))


def _fill(key: str, shape: list[int], seed: int, gain: float) -> Tensor:
    """Return one tensor: weights of variance gain^2 / fan-in, norms near 1, small biases."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith(".kernel"):
        return _blur_kernel(4.0 if key.startswith("generator.") or "upsample" in key else 1.0)
    values = _normal(key, prod(shape), seed)
    if key.endswith("running_mean"):
        values *= 0.1
    elif key.endswith("running_var"):
        values = 1 + 0.2 * np.abs(values)
    elif len(shape) >= 2:
        # The order of the two operations is part of the recipe: seed 0 is exact to the last bit.
        values *= gain
        values /= np.sqrt(prod(shape[1:]))
    elif key.endswith("weight"):
        values = 1 + 0.1 * values
    else:
        values *= 0.05
    return torch.from_numpy(values.astype(np.float32, copy=False).reshape(shape))


def _fill_equalised(key: str, shape: list[int], seed: int) -> Tensor:
    """Return one tensor of a layer that scales its weights itself: unit variance, styles near 1."""
    bias = key.endswith("bias")
    if key.endswith(".kernel") or (len(shape) < 2 and not bias):
        return _fill(key, shape, seed, 1.0)
    if bias:
        small = _fill(key, [prod(shape)], seed, 1.0).reshape(shape)
        return 1 + small if key.endswith("modulation.bias") else small
    values = _normal(key, prod(shape), seed)
    # The mapping network stores its weights a hundred times larger.
    values = 100 * values if ".style." in key else values
    return torch.from_numpy(values.astype(np.float32, copy=False).reshape(shape))


def _normal(key: str, count: int, seed: int) -> NDArray[Any]:
    """Return standard normal numbers that depend on the tensor's name and the seed alone."""
    crc = zlib.crc32(key.encode("utf-8"))
    if seed == 0:
        return np.random.RandomState(crc).standard_normal(count)
    generator = np.random.Generator(np.random.SFC64([crc, seed]))
    return generator.standard_normal(count, dtype=np.float32)


def _blur_kernel(gain: float) -> Tensor:
    """Return StyleGAN2's fixed 4x4 blur; upsampling multiplies it by the area factor, 4."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return gain * torch.outer(row, row) / 64.0

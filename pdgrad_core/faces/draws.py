"""Batched parameter records, and the seeded draws they are filled from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from typing_extensions import Self

Array = NDArray[np.floating[Any]]


@dataclass
class Parameters:
    """A record of tensors that share their first dimension, one row per face."""

    def __len__(self) -> int:
        """Number of rows B."""
        return int(next(iter(self.tensors().values())).shape[0])

    def tensors(self) -> dict[str, Tensor]:
        """All fields by name, in declaration order, each (B,) or (B, K)."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def to(self, device: torch.device | str) -> Self:
        """The same record on another device."""
        return type(self)(**{name: t.to(device) for name, t in self.tensors().items()})

    def select(self, index: Sequence[int] | slice | Tensor) -> Self:
        """The rows named by `index` (a slice, a list, or an integer tensor), in that order."""
        rows = index if isinstance(index, slice | Tensor) else torch.as_tensor(index)
        return type(self)(**{name: t[rows] for name, t in self.tensors().items()})

    def repeat(self, times: int) -> Self:
        """Every row `times` times in a row: a b becomes a a b b."""
        return type(self)(
            **{name: t.repeat_interleave(times, dim=0) for name, t in self.tensors().items()}
        )

    @classmethod
    def stack(cls, records: Sequence[Self]) -> Self:
        """One record holding the rows of several, in order."""
        if not records:
            raise InvalidInputError("stack() needs at least one record; give one or more.")
        columns = [record.tensors() for record in records]
        return cls(**{name: torch.cat([c[name] for c in columns]) for name in columns[0]})


class Draws:
    """Numbers for many seeds at once: one row per seed, each call reads the next column.

    Row values come from PCG64 seeded by SeedSequence([stream, seed]) and use only additions
    and multiplications, so they are the same on every machine; a seed's row does not depend
    on the other seeds.
    """

    COLUMNS = 512

    def __init__(self, seeds: Sequence[int], stream: int) -> None:
        """Prepare the rows.

        Args:
            seeds: integers >= 0.
            stream: which of the independent families (identity, view, ...) to draw.

        Raises:
            InvalidInputError: no seed, or a seed that is negative or no integer.
        """
        if len(seeds) == 0:
            raise InvalidInputError("expected at least one seed, found none; give a list.")
        for seed in seeds:
            if int(seed) != seed or seed < 0:
                raise InvalidInputError(f"expected integer seeds >= 0, found {seed!r}.")
        self._table = np.stack([self._row(stream, int(seed)) for seed in seeds])
        self._next = 0

    @classmethod
    def _row(cls, stream: int, seed: int) -> Array:
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([stream, seed])))
        return generator.random(cls.COLUMNS)

    def unit(self) -> Array:
        """Uniform on [0, 1), (B,)."""
        self._next += 1
        return self._table[:, self._next - 1]

    def uniform(self, low: float, high: float) -> Array:
        """Uniform on [low, high), (B,)."""
        return low + (high - low) * self.unit()

    def bell(self, mean: float = 0.0, deviation: float = 1.0) -> Array:
        """Bell-shaped with that mean and deviation, (B,): bounded at 3.46 deviations."""
        total = self.unit() + self.unit() + self.unit() + self.unit()
        return mean + deviation * np.sqrt(3.0) * (total - 2.0)

    def chance(self, probability: float | Array) -> Array:
        """1.0 with the given probability, else 0.0, (B,)."""
        return (self.unit() < probability).astype(np.float64)

    def choice(self, weights: Sequence[float] | Array) -> NDArray[np.int64]:
        """An index drawn by weight, (B,); weights (K,) or one row per seed (B, K)."""
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        cumulative = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
        index = (self.unit()[:, None] >= cumulative).sum(axis=1)
        return np.minimum(index, table.shape[1] - 1)


def palette(stops: Sequence[tuple[float, float, float]], position: Array) -> Array:
    """A colour along a row of equally spaced stops.

    Args:
        stops: sRGB in 0..255.
        position: 0..1, (B,).

    Returns:
        sRGB in 0..1, (B, 3).
    """
    grid = np.linspace(0.0, 1.0, len(stops))
    table = np.asarray(stops) / 255.0
    columns = [np.interp(position, grid, table[:, channel]) for channel in range(3)]
    return np.stack(columns, axis=1)


def as_tensor(values: Array) -> Tensor:
    """Float32 tensor of an array of drawn values."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

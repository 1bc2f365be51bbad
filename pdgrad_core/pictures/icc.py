"""Colour profiles by arithmetic: those that are three curves and a matrix, or one curve."""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
"""Light for each of 65536 evenly spaced values from 0 to 1, rising."""

_GRID: Curve = np.linspace(0.0, 1.0, 65536)
_HEADER, _TAG = 128, 12
_FIXED = 65536.0

# Linear sRGB to XYZ under D50, the white of all profiles: the columns of sRGB's own profile.
SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)


class NotArithmeticError(ValueError):
    """A profile that is no matrix and curves, or is damaged."""


class IccProfile:
    """The parts of an ICC profile that a display or working space consists of.

    Source: ICC.1:2022, sections 7 (header, tag table), 10.6 (curves), 10.18 (parametric curves).
    Deviations: tables for a rendering intent (A2B) are not read.

    Args:
        data: The profile.

    Raises:
        NotArithmeticError: It is damaged, or holds tables instead.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            self.space = data[16:20]
            (count,) = struct.unpack_from(">I", data, _HEADER)
            self._tags = {
                data[at : at + 4]: struct.unpack_from(">II", data, at + 4)
                for at in range(_HEADER + 4, _HEADER + 4 + _TAG * min(count, 200), _TAG)
            }
        except struct.error as error:
            raise NotArithmeticError("a profile cut short") from error
        if any(tag.startswith(b"A2B") for tag in self._tags):
            raise NotArithmeticError("a profile with tables")

    def curve(self, name: bytes) -> Curve:
        """Return a tone curve, by the name of its tag."""
        tag = self._tag(name)
        try:
            if tag[:4] == b"curv":
                curve = _sampled(tag)
            elif tag[:4] == b"para":
                curve = _parametric(tag)
            else:
                raise NotArithmeticError(f"no curve in {name!r}")
        except (struct.error, ArithmeticError) as error:
            raise NotArithmeticError(f"a damaged curve in {name!r}") from error
        rising = np.maximum.accumulate(np.nan_to_num(curve).clip(0.0, 1.0))
        if rising[-1] <= rising[0]:
            raise NotArithmeticError(f"a flat curve in {name!r}")
        return rising

    def matrix(self) -> NDArray[np.float64]:
        """Return the matrix from the linear channels to XYZ under D50, `(3, 3)`."""
        columns = [self._xyz(name) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        matrix = np.array(columns).T
        if abs(np.linalg.det(matrix)) < 1e-6:
            raise NotArithmeticError("a matrix without an inverse")
        return matrix

    def _xyz(self, name: bytes) -> list[float]:
        try:
            return [value / _FIXED for value in struct.unpack_from(">3i", self._tag(name), 8)]
        except struct.error as error:
            raise NotArithmeticError(f"a damaged colour in {name!r}") from error

    def _tag(self, name: bytes) -> bytes:
        if name not in self._tags:
            raise NotArithmeticError(f"no {name!r}")
        offset, size = self._tags[name]
        return self._data[offset : offset + size]


def _sampled(tag: bytes) -> Curve:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return _GRID.copy()
    if count == 1:
        return _GRID ** (struct.unpack_from(">H", tag, 12)[0] / 256)
    values = np.frombuffer(tag, ">u2", count=min(count, (len(tag) - 12) // 2), offset=12)
    if len(values) < 2:
        raise NotArithmeticError("a curve of no points")
    return np.interp(_GRID, np.linspace(0.0, 1.0, len(values)), values / 65535.0)


def _parametric(tag: bytes) -> Curve:
    """Return one of the five shapes of section 10.18, all of them a power with a linear foot."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    counts = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
    if kind not in counts:
        raise NotArithmeticError("a curve of an unknown kind")
    numbers = [n / _FIXED for n in struct.unpack_from(f">{counts[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = (numbers + [0.0] * 7)[:7]
    x = _GRID
    shapes: dict[int, Callable[[], tuple[float, Curve, float]]] = {
        0: lambda: (0.0, 0 * x, 0.0),
        1: lambda: (-b / a, 0 * x, 0.0),
        2: lambda: (-b / a, 0 * x + c, c),
        3: lambda: (d, c * x, 0.0),
        4: lambda: (d, c * x + f, e),
    }
    start, foot, lift = shapes[kind]()
    base = x if kind == 0 else a * x + b
    return np.where(x >= start, np.maximum(base, 0.0) ** gamma + lift, foot)

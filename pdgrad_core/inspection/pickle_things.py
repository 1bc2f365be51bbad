"""What a pickle's objects are to an inspection, and the sizes that it may declare for them."""

import re
from dataclasses import dataclass, field
from typing import Any

from .findings import DamagedError

MAX_DIMENSIONS = 64
"""PyTorch's own limit for tensors that it computes with."""

ELEMENT_BYTES = {
    "Double": 8,
    "Float": 4,
    "Half": 2,
    "BFloat16": 2,
    "Long": 8,
    "Int": 4,
    "Short": 2,
    "Char": 1,
    "Byte": 1,
    "Bool": 1,
    "ComplexDouble": 16,
    "ComplexFloat": 8,
}
STORAGE_NAME = re.compile(r"torch(?:\.cuda)? (\w+)Storage")
DTYPE_NAME = re.compile(r"torch (?:bool|(?:bfloat|float|u?int|complex)([1-9]\d{0,2})\w*)")
UNTYPED = "torch.storage UntypedStorage"


@dataclass(frozen=True)
class Name:
    """A name that the pickle looked up: module, a space, the name in it."""

    text: str


@dataclass(frozen=True)
class Storage:
    """A block of numbers that the pickle asks for.

    Attributes:
        key: Its name in the file.
        element_bytes: Size of one number.
        count: How many numbers.
    """

    key: str
    element_bytes: int
    count: int

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return self.element_bytes * self.count


@dataclass(eq=False, slots=True)
class Thing:
    """An object that the pickle makes.

    Attributes:
        kind: "list", "tuple", "dict", "ordered dict", "counter", "set", "tensor", ...
        parts: What it holds; of dictionaries key, value, key, value, ...
        weight: How many objects' memory it takes besides its parts.
        tensor_bytes: Size of a tensor's numbers if they were written out.
    """

    kind: str
    parts: list[Any] = field(default_factory=list[Any])
    weight: int = 1
    tensor_bytes: int = 0


def element_bytes(name: str) -> int:
    """Return the size of one number, from the name of a storage's class or of a dtype.

    Raises:
        DamagedError: The name is of neither.
    """
    if name == UNTYPED:
        return 1
    dtype = DTYPE_NAME.fullmatch(name)
    if dtype is not None:
        return max(1, int(dtype[1] or 8) // 8)
    storage = STORAGE_NAME.fullmatch(name)
    if storage is None or storage[1] not in ELEMENT_BYTES:
        raise DamagedError("its pickle asks for something that is no storage")
    return ELEMENT_BYTES[storage[1]]


def sizes(thing: Any) -> tuple[int, ...]:
    """Return a shape or strides as numbers, none negative.

    Raises:
        DamagedError: It is none.
    """
    if not isinstance(thing, Thing) or thing.kind not in ("tuple", "size", "list"):
        raise DamagedError("it holds a tensor without a shape")
    if len(thing.parts) > MAX_DIMENSIONS:
        raise DamagedError(f"it holds a tensor of more than {MAX_DIMENSIONS} dimensions")
    return tuple(size_of(part) for part in thing.parts)


def size_of(value: Any) -> int:
    """Return a length, an offset or a count.

    Raises:
        DamagedError: It is no whole number, negative, or beyond 63 bits.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise DamagedError("it declares a size that is none")
    return value

"""The few names that a state dict's pickle may use, and what a call of one would make.

PyTorch's restricted unpickler takes more: functions that reserve any amount of memory
(`bytearray(10**10)`), that build up text by the power of two, and tensors that are no plain arrays.
None of them belongs into a weight file.
"""

import re
from collections.abc import Callable
from math import prod
from typing import Any

from .findings import DamagedError, ForeignCodeError
from .pickle_things import (
    DTYPE_NAME,
    ELEMENT_BYTES,
    MAX_DIMENSIONS,
    STORAGE_NAME,
    UNTYPED,
    Name,
    Storage,
    Thing,
    element_bytes,
    size_of,
    sizes,
)

_BYTES_PER_OBJECT = 64
_PLACE_ARGUMENTS = 4  # storage, offset, shape, strides

_PYTHON_NAME = re.compile(r"[\w.]+ [\w.]+")

# PyTorch's functions that make tensors which are no plain arrays, in words.
_NOT_DENSE = {
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_sparse_csr_tensor": "a sparse tensor",
    "_rebuild_qtensor": "a quantised tensor",
    "_rebuild_meta_tensor_no_storage": "a tensor without values (of the device meta)",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_wrapper_subclass": "a tensor of a special class",
    "_rebuild_from_type_v2": "a tensor of a special class",
    "_rebuild_parameter_with_state": "a tensor with attributes",
    "_rebuild_device_tensor_from_numpy": "a tensor of another device",
    "_rebuild_device_tensor_from_cpu_tensor": "a tensor of another device",
}


def looked_up(name: str) -> Name:
    """Return a name of a pickle, given as "module name".

    Raises:
        ForeignCodeError: It is a Python object that is no part of a state dict.
        DamagedError: It makes tensors that are no plain arrays.
    """
    module, _, last = name.partition(" ")
    if module.startswith("torch"):
        if last in _NOT_DENSE:
            raise DamagedError(f"it holds {_NOT_DENSE[last]}, and weights are plain ones")
        storage = STORAGE_NAME.fullmatch(name)
        if storage is not None and storage[1].startswith("Q"):
            raise DamagedError("it holds a quantised tensor, and weights are plain ones")
        if name == UNTYPED or DTYPE_NAME.fullmatch(name):
            return Name(name)
        if storage is not None and storage[1] in ELEMENT_BYTES:
            return Name(name)
    if not _PYTHON_NAME.fullmatch(name):
        raise DamagedError("its pickle is damaged")
    if name not in _CALLS:
        raise ForeignCodeError(name.replace(" ", "."))
    return Name(name)


def called(function: Name, arguments: list[Any]) -> Thing:
    """Return what calling a name would make.

    Raises:
        DamagedError: It cannot be called so.
    """
    if function.text not in _CALLS:
        raise DamagedError(f"its pickle calls {function.text.replace(' ', '.')}")
    return _CALLS[function.text](arguments)


def stored(identity: list[Any], storages: dict[str, Storage]) -> Storage:
    """Return the storage of a persistent id and enter it; the older format may view a part of one.

    Raises:
        DamagedError: The id is none, or contradicts an earlier one.
    """
    match identity:
        case ["storage", Name(text), str(key), str(), int(count), *views] if len(views) <= 1:
            whole = Storage(key, element_bytes(text), size_of(count))
        case _:
            raise DamagedError("its pickle asks for something that is no storage")
    if storages.setdefault(key, whole) != whole:
        raise DamagedError(f"its storage {key[:40]!r} is declared twice, with different sizes")
    match views:
        case [Thing("tuple", [_, int(start), int(length)])]:
            if size_of(start) + size_of(length) > whole.count:
                raise DamagedError("it holds a view of more numbers than there are")
            return Storage(key, whole.element_bytes, length)
        case [] | [None]:
            return whole
        case _:
            raise DamagedError("its pickle is damaged")


def check_key(key: Any) -> None:
    """Refuse dictionary keys other than plain values, and short tuples of them: they are hashed.

    Raises:
        DamagedError: The key is something else.
    """
    parts = key.parts if isinstance(key, Thing) and key.kind == "tuple" else [key]
    if len(parts) > MAX_DIMENSIONS or any(isinstance(part, Thing) for part in parts):
        raise DamagedError("its pickle uses an object as a dictionary's key")


def _tensor(arguments: list[Any]) -> Thing:
    match arguments:
        case [Storage() as storage, *_]:
            return _placed(arguments, storage.element_bytes)
        case _:
            raise DamagedError("it holds a tensor without a storage")


def _tensor_of_bytes(arguments: list[Any]) -> Thing:
    """Return a tensor over plain bytes, whose dtype is an argument."""
    match arguments:
        case [Storage(), _, _, _, _, _, Name(dtype), *_]:
            return _placed(arguments, element_bytes(dtype))
        case _:
            raise DamagedError("it holds a tensor without a type")


def _placed(arguments: list[Any], width: int) -> Thing:
    """Return a tensor of numbers of so many bytes, which have to lie within its storage."""
    if len(arguments) < _PLACE_ARGUMENTS:
        raise DamagedError("it holds a tensor without a shape")
    storage, start, size, stride, *rest = arguments
    shape, steps = sizes(size), sizes(stride)
    if len(shape) != len(steps):
        raise DamagedError("it holds a tensor whose shape and strides differ in length")
    count = prod(shape)
    last = sum((length - 1) * step for length, step in zip(shape, steps, strict=True))
    end = size_of(start) + 1 + last if count else 0
    if end * width > storage.size_bytes:
        raise DamagedError("it holds a tensor of more numbers than its storage has")
    return Thing("tensor", rest, tensor_bytes=count * width)


def _parameter(arguments: list[Any]) -> Thing:
    match arguments:
        case [Thing("tensor"), bool(), _]:
            return Thing("parameter", arguments)
        case _:
            raise DamagedError("it holds a parameter without a tensor")


def _ordered_dict(arguments: list[Any]) -> Thing:
    """Return an ordered dictionary, empty or made of pairs as Python 2 saved them."""
    match arguments:
        case []:
            pairs: list[Any] = []
        case [Thing("list", list(pairs))]:
            for pair in pairs:
                if not isinstance(pair, Thing) or len(pair.parts) != 2:
                    raise DamagedError("its pickle is damaged")
                check_key(pair.parts[0])
        case _:
            raise DamagedError("its pickle is damaged")
    return Thing("ordered dict", [part for pair in pairs for part in pair.parts])


def _counter(arguments: list[Any]) -> Thing:
    match arguments:
        case []:
            return Thing("counter")
        case [Thing("dict", list(parts))]:
            return Thing("counter", list(parts))
        case _:
            raise DamagedError("its pickle is damaged")


def _set(arguments: list[Any]) -> Thing:
    match arguments:
        case [] | [Thing("list")]:
            for item in arguments[0].parts if arguments else []:
                check_key(item)
            return Thing("set", arguments)
        case _:
            raise DamagedError("its pickle is damaged")


def _shape(arguments: list[Any]) -> Thing:
    match arguments:
        case [Thing("tuple") as size]:
            return Thing("size", list(sizes(size)))
        case _:
            raise DamagedError("its pickle is damaged")


def _encoded(arguments: list[Any]) -> Thing:
    """Return bytes, which protocol 2 spells as text in Latin-1; other codecs can multiply."""
    match arguments:
        case [str(text), "latin1" | "latin-1"]:
            return Thing("bytes", weight=1 + len(text) // _BYTES_PER_OBJECT)
        case _:
            raise DamagedError("its pickle is damaged")


def _bytearray(arguments: list[Any]) -> Thing:
    match arguments:
        case [Thing("bytes") as content]:
            return Thing("bytearray", [content], content.weight)
        case _:
            return _encoded(arguments)


def _plain(arguments: list[Any]) -> Thing:
    """Return a small value made of plain values: a device, a layout, a complex number."""
    if len(arguments) > 2 or any(isinstance(part, Thing | Storage) for part in arguments):
        raise DamagedError("its pickle is damaged")
    return Thing("value", arguments)


_CALLS: dict[str, Callable[[list[Any]], Thing]] = {
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_tensor_v3": _tensor_of_bytes,
    "torch._utils _rebuild_parameter": _parameter,
    "torch Size": _shape,
    "torch device": _plain,
    "torch.serialization _get_layout": _plain,
    "collections OrderedDict": _ordered_dict,
    "collections Counter": _counter,
    "_codecs encode": _encoded,
}
for _module in ("__builtin__", "builtins"):
    _CALLS[f"{_module} set"] = _set
    _CALLS[f"{_module} bytearray"] = _bytearray
    _CALLS[f"{_module} complex"] = _plain

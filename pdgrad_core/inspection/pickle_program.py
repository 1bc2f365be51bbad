"""A pickle's instructions followed without being obeyed: what would be built, and how large.

Every object of the pickle becomes a `Thing` that only knows its parts. So nothing is called, shared
parts stay shared, and the size of the whole written out is known before it exists.
"""

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .findings import DamagedError, ForeignCodeError
from .pickle_calls import called, check_key, looked_up, stored
from .pickle_things import Name, Storage, Thing

MAX_INSTRUCTIONS = 1_000_000
"""Far more than a network's: the catalogue's largest pickle takes 35,000."""

MAX_DEPTH = 64
"""Containers within containers; a state dict has about 5, a training configuration about 10."""

GROWTH = 10
"""Objects per instruction when everything shared is written out; a state dict has less than 1."""

_FEW_OBJECTS = 10_000
_TOO_DEEP = f"its pickle nests more than {MAX_DEPTH} objects"
_EMPTY = {"EMPTY_TUPLE": "tuple", "EMPTY_LIST": "list", "EMPTY_DICT": "dict", "EMPTY_SET": "set"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_VALUES = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING")
)


@dataclass
class Program:
    """What a pickle would make.

    Attributes:
        result: The object at its top: a `Thing`, or a plain value.
        storages: The storages that it asks for, by key.
        instructions: How many instructions it took.
        tensor_bytes: Size of its tensors together, each counted once.
    """

    result: Any
    storages: dict[str, Storage]
    instructions: int
    tensor_bytes: int = 0


@dataclass
class _Machine:
    """The unpickler's stack, marks and memo, as PyTorch's restricted unpickler keeps them."""

    stack: list[Any] = field(default_factory=list[Any])
    marks: list[list[Any]] = field(default_factory=list[list[Any]])
    memo: dict[int, Any] = field(default_factory=dict[int, Any])
    storages: dict[str, Storage] = field(default_factory=dict[str, Storage])

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def mark(self) -> None:
        if len(self.marks) >= MAX_DEPTH:
            raise DamagedError(_TOO_DEEP)
        self.marks.append(self.stack)
        self.stack = []


def read_program(file: Any, budget: int = MAX_INSTRUCTIONS) -> Program:
    """Follow one pickle to its end.

    Args:
        file: Has `read` and `readline`, neither of which returns more than there is; stands behind
            the pickle afterwards.
        budget: Instructions that it may take.

    Raises:
        DamagedError: It is no pickle that PyTorch's restricted unpickler would take, or it is
            larger, deeper or more entangled than any state dict.
        ForeignCodeError: It names a Python object that is no part of a state dict.
    """
    machine = _Machine()
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(file):
            count += 1
            if count > budget:
                raise DamagedError(f"its pickle has more than {MAX_INSTRUCTIONS} instructions")
            _follow(machine, opcode.name, argument)
    except (DamagedError, ForeignCodeError):
        raise
    except (LookupError, ValueError, OverflowError, struct.error) as error:
        # An unknown instruction, text that is none, an empty stack, a memo that was never filled.
        raise DamagedError("its pickle is damaged or cut off") from error
    if len(machine.stack) != 1 or machine.marks:
        raise DamagedError("its pickle is damaged")
    program = Program(machine.stack[0], machine.storages, count)
    _measure(program)
    return program


def _follow(machine: _Machine, name: str, argument: Any) -> None:
    if name in _VALUES:
        machine.stack.append(argument)
    elif name in _CONSTANTS:
        machine.stack.append(_CONSTANTS[name])
    elif name in _EMPTY:
        machine.stack.append(Thing(_EMPTY[name]))
    elif name in _SHORT_TUPLES:
        items = [machine.stack.pop() for _ in range(_SHORT_TUPLES[name])]
        machine.stack.append(Thing("tuple", items[::-1]))
    elif name in _STEPS:
        _STEPS[name](machine, argument)
    else:
        raise DamagedError(f"its pickle uses the instruction {name}, which no saved weights need")


def _make_tuple(machine: _Machine, _: None) -> None:
    items = machine.since_mark()  # which puts back the stack under them
    machine.stack.append(Thing("tuple", items))


def _put(machine: _Machine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _get(machine: _Machine, index: int) -> None:
    machine.stack.append(machine.memo[index])


def _look_up(machine: _Machine, name: str) -> None:
    machine.stack.append(looked_up(name))


def _reduce(machine: _Machine, _: None) -> None:
    arguments = machine.stack.pop()
    function = machine.stack[-1]
    if not isinstance(function, Name) or not _is(arguments, "tuple"):
        raise DamagedError("its pickle is damaged")
    machine.stack[-1] = called(function, arguments.parts)


def _build(machine: _Machine, _: None) -> None:
    """Set attributes: state dicts carry the versions of their modules so, and nothing else."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if not _is(target, "ordered dict") or not _is(state, "dict"):
        raise DamagedError("its pickle sets the attributes of an object")
    if any(key != "_metadata" for key in state.parts[::2]):
        # An attribute named "items" would stand in for the method of that name.
        raise DamagedError("its pickle sets the attributes of a dictionary")
    target.parts.append(state)


def _load_storage(machine: _Machine, _: None) -> None:
    identity = machine.stack.pop()
    if not _is(identity, "tuple"):
        raise DamagedError("its pickle asks for something that is no storage")
    machine.stack.append(stored(identity.parts, machine.storages))


def _append(machine: _Machine, items: list[Any]) -> None:
    if not _is(machine.stack[-1], "list"):
        raise DamagedError("its pickle is damaged")
    machine.stack[-1].parts.extend(items)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not _is(target, "dict", "ordered dict", "counter") or len(items) % 2:
        raise DamagedError("its pickle is damaged")
    for key in items[::2]:
        check_key(key)
    target.parts.extend(items)


def _set_item(machine: _Machine, _: None) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    _set_items(machine, [key, value])


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, argument: None,  # noqa: ARG005
    "STOP": lambda machine, argument: None,  # noqa: ARG005
    "MARK": lambda machine, argument: machine.mark(),  # noqa: ARG005
    "TUPLE": _make_tuple,
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.since_mark()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: _set_items(machine, machine.since_mark()),
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": _look_up,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _load_storage,
}


def _is(thing: Any, *kinds: str) -> bool:
    return isinstance(thing, Thing) and thing.kind in kinds


def _measure(program: Program) -> None:
    """Check how deep and how large the result is with all that it shares written out.

    Goes through the graph once, parts before wholes, without recursion.
    """
    limit = _FEW_OBJECTS + GROWTH * program.instructions
    known: dict[int, tuple[int, int]] = {}
    entered: set[int] = set()
    todo: list[Any] = [program.result]
    while todo:
        thing = todo[-1]
        if not isinstance(thing, Thing) or id(thing) in known:
            todo.pop()
            continue
        if id(thing) not in entered:
            entered.add(id(thing))
            parts = [part for part in thing.parts if isinstance(part, Thing)]
            unknown = [part for part in parts if id(part) not in known]
            if any(id(part) in entered for part in unknown):
                raise DamagedError("its pickle holds an object that contains itself")
            todo.extend(unknown)
            continue
        todo.pop()
        entered.discard(id(thing))
        inside = [known[id(part)] for part in thing.parts if isinstance(part, Thing)]
        objects = thing.weight + len(thing.parts) + sum(size for size, _ in inside)
        depth = 1 + max((depth for _, depth in inside), default=0)
        if depth > MAX_DEPTH:
            raise DamagedError(_TOO_DEEP)
        if objects > limit:
            raise DamagedError(
                f"its pickle of {program.instructions} instructions grows to more than {limit} "
                "objects"
            )
        known[id(thing)] = objects, depth
        program.tensor_bytes += thing.tensor_bytes

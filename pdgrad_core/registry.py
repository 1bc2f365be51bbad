"""Families of interchangeable methods: one file per member, named like the member.

A family's package calls `discover(__name__)` once, and every file in it registers one class (an
adapter file such as `torchjd.py` registers several). Names are public: recipes, nodes and workflows
use them.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

from .errors import DuplicateNameError, UnknownNameError

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


def unknown_name(what: str, name: str, known: list[str]) -> UnknownNameError:
    """Return the error for a name that a table does not have, with the nearest known names."""
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return UnknownNameError(f"There is no {what} named {name!r}.{hint} Known: {', '.join(known)}.")


class Registry(Generic[T]):
    """The members of one family by name, in the order of registration.

    Args:
        what: The family in the singular, as error messages name it ("loss").
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._members: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[C], C]:
        """Return a class decorator that enters the class under `name`.

        Raises:
            DuplicateNameError: Another class already has this name.
        """

        def enter(member: C) -> C:
            if name in self._members:
                found = self._members[name]
                raise DuplicateNameError(
                    f"Two {self.what} classes are named {name!r}: "
                    f"{found.__module__}.{found.__qualname__} and "
                    f"{member.__module__}.{member.__qualname__}; rename one."
                )
            self._members[name] = cast("type[T]", member)
            return member

        return enter

    def __getitem__(self, name: str) -> type[T]:
        if name not in self._members:
            raise unknown_name(self.what, name, self.names())
        return self._members[name]

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def names(self) -> list[str]:
        """Return the registered names, in order of registration."""
        return list(self._members)


def discover(package: str, path: Iterable[str]) -> None:
    """Import every module of a family's package, in sorted order, so that each registers itself.

    Args:
        package: The package's `__name__` (a path-made name inside ComfyUI).
        path: The package's `__path__`.
    """
    for module in sorted(info.name for info in pkgutil.iter_modules(path)):
        importlib.import_module(f"{package}.{module}")

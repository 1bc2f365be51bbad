"""Families of interchangeable methods: one file per member, named like the member.

A family's package calls `discover(__name__, __path__)` once, and every file in it registers one
member (an adapter file such as `torchjd.py` registers several). Names are public: recipes, nodes
and workflows use them.

Another package brings members of its own: it is laid out like this one (`losses/mine.py`,
`recipes/mine.py`, ...) and named in the entry-point group "pdgrad.plugins", or its folder stands in
the environment variable PDGRAD_PLUGINS. Its files are imported as if they lay in the family's own
folder, so they use the same relative imports, under whatever name the host loaded this package.
"""

import difflib
import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from .errors import DuplicateNameError, PDGradError, PluginError, UnknownNameError

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])

PLUGIN_GROUP = "pdgrad.plugins"
"""Entry points of this group name packages that are laid out like this one."""

PLUGIN_VARIABLE = "PDGRAD_PLUGINS"
"""Folders laid out like this package, separated as in PATH."""


def unknown_name(what: str, name: str, known: list[str]) -> UnknownNameError:
    """Return the error for a name that a table does not have, with the nearest known names."""
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return UnknownNameError(f"There is no {what} named {name!r}.{hint} Known: {', '.join(known)}.")


class Registry(Generic[T]):
    """The members of one family by name, in the order of registration.

    A member is a class (a loss, a combiner) or an instance (a recipe, a preset).

    Args:
        what: The family in the singular, as error messages name it ("loss").

    Attributes:
        members: By name.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.members: dict[str, T] = {}

    def add(self, name: str, member: T) -> T:
        """Enter a member under `name` and return it.

        Raises:
            DuplicateNameError: Another member already has this name.
        """
        if name in self.members:
            raise DuplicateNameError(
                f"Two {self.what} {_kind(member)} are named {name!r}: "
                f"{_origin(self.members[name])} and {_origin(member)}; rename one."
            )
        self.members[name] = member
        return member

    def register(self, name: str) -> Callable[[C], C]:
        """Return a class decorator that enters the class under `name`; see `add`."""

        def enter(member: C) -> C:
            self.add(name, cast("T", member))
            return member

        return enter

    def __getitem__(self, name: str) -> T:
        if name not in self.members:
            raise unknown_name(self.what, name, self.names())
        return self.members[name]

    def __contains__(self, name: object) -> bool:
        return name in self.members

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def names(self) -> list[str]:
        """Return the registered names, in order of registration."""
        return list(self.members)


def discover(package: str, path: MutableSequence[str]) -> None:
    """Import every module of a family's package and of the plugins' folders of the same name.

    The package's own modules come first, in sorted order, then each plugin's.

    Args:
        package: The package's `__name__` (a path-made name inside ComfyUI).
        path: The package's `__path__`; the plugins' folders are added to it.

    Raises:
        DuplicateNameError: A plugin's file has the name of another one of the family.
        PluginError: A plugin's file cannot be imported.
    """
    own = _modules(path)
    for module in own:
        importlib.import_module(f"{package}.{module}")
    taken = dict.fromkeys(own, package)
    for folder in plugin_folders():
        family = folder / package.rpartition(".")[2]
        if not family.is_dir():
            continue
        path.append(str(family))
        for module in _modules([str(family)]):
            if module in taken:
                raise DuplicateNameError(
                    f"The plugin file {family / module}.py has the name of a module of "
                    f"{taken[module]}; rename it."
                )
            taken[module] = str(family)
            _import_plugin(f"{package}.{module}", family / f"{module}.py")


@lru_cache(maxsize=1)
def plugin_folders() -> tuple[Path, ...]:
    """Return the folders of the plugins: those of the variable, then those of the entry points.

    Raises:
        PluginError: The variable names no folder, or an entry point no package that is installed.
    """
    listed = os.environ.get(PLUGIN_VARIABLE, "").split(os.pathsep)
    folders = [Path(folder).expanduser() for folder in listed if folder]
    for folder in folders:
        if not folder.is_dir():
            raise PluginError(
                f"{PLUGIN_VARIABLE} names {folder}, which is no folder; mend or unset it."
            )
    for entry in sorted(entry_points(group=PLUGIN_GROUP), key=lambda entry: entry.name):
        # Found, not imported: a plugin's own modules are imported as members of the families.
        spec = _spec_of(entry.value)
        if spec is None or not spec.submodule_search_locations:
            raise PluginError(
                f"The entry point {entry.name!r} of the group {PLUGIN_GROUP!r} names "
                f"{entry.value!r}, which is no package; mend or uninstall the plugin."
            )
        folders += [Path(place) for place in spec.submodule_search_locations]
    return tuple(dict.fromkeys(folders))


def _spec_of(package: str) -> ModuleSpec | None:
    """Return where a package lies; None where it, or the package around it, cannot be found."""
    try:
        return importlib.util.find_spec(package)
    except Exception:
        return None


def _modules(path: Iterable[str]) -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(path))


def _import_plugin(name: str, file: Path) -> None:
    try:
        importlib.import_module(name)
    except PDGradError:
        raise
    except Exception as error:  # whatever another's file may raise while it is imported
        raise PluginError(
            f"The plugin file {file} cannot be loaded ({type(error).__name__}: {error}); mend it, "
            "or remove the plugin."
        ) from error


def _kind(member: object) -> str:
    return "classes" if isinstance(member, type) else "rows"


def _origin(member: object) -> str:
    kind = member if isinstance(member, type) else type(member)
    return f"{kind.__module__}.{kind.__qualname__}"

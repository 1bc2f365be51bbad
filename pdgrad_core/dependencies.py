"""Optional third-party packages: imported where they are needed, with a helpful error if absent."""

import importlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from .errors import MissingDependencyError


@dataclass(frozen=True)
class Package:
    """A Python package that a part of this pack needs.

    Attributes:
        module: Name under which it is imported.
        pip: Name under which pip knows it.
        remark: What is to be known before it is installed, such as its licence.
    """

    module: str
    pip: str
    remark: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether Python would find it; it is not imported."""
        return importlib.util.find_spec(self.module) is not None


BASIC = (
    Package("torch", "torch"),
    Package("torchvision", "torchvision"),
    Package("numpy", "numpy"),
    Package("PIL", "pillow"),
    Package("safetensors", "safetensors"),
    Package("einops", "einops"),
    Package("tqdm", "tqdm"),
)
"""What every restoration needs."""

FACEXLIB = Package("facexlib", "facexlib")
LPIPS = Package("lpips", "lpips")
SPANDREL = Package("spandrel", "spandrel")
EXTRA_ARCHES = Package(
    "spandrel_extra_arches", "spandrel-extra-arches", "S-Lab licence: non-commercial use only"
)


def require(module: str, pip: str, purpose: str) -> ModuleType:
    """Import and return a third-party module.

    Args:
        module: Dotted module name.
        pip: What `pip install` needs to provide it.
        purpose: What it is needed for, as it stands in the error: "<purpose> needs ...".

    Raises:
        MissingDependencyError: The module is not installed.
    """
    try:
        # What a package warns of while it is imported is news for its makers, not for our users.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, pip, purpose, error) from error


def require_alone(module: str, pip: str, purpose: str, unused: Sequence[str] = ()) -> ModuleType:
    """Import a module of a package without what the package's `__init__` would import.

    `import facexlib` brings numba, llvmlite and OpenCV for trackers and drawings that nobody here
    uses, and fails where one of them is missing or broken. A package that is imported already is
    taken as it is; one that is not stays so for everybody else.

    Args:
        module: Dotted name of the module.
        pip: What `pip install` needs to provide it.
        purpose: What it is needed for, as it stands in the error: "<purpose> needs ...".
        unused: Modules that it imports and that are not used by what is wanted of it: where one
            cannot be imported, an empty module stands in its place.

    Raises:
        MissingDependencyError: The module is not installed.
    """
    root = module.split(".")[0]
    if sys.modules.get(root) is not None:
        return require(module, pip, purpose)
    if module not in _ALONE:
        try:
            spec = importlib.util.find_spec(root)
            if spec is None or spec.submodule_search_locations is None:
                raise ImportError(f"No module named {root!r}")
            folders = list(spec.submodule_search_locations)
            with _LOCK, _without_package_code(module, folders), _stand_ins(unused):
                _ALONE[module] = require(module, pip, purpose)
        except ImportError as error:
            if isinstance(error, MissingDependencyError):
                raise
            raise _missing(module, pip, purpose, error) from error
    return _ALONE[module]


_ALONE: dict[str, ModuleType] = {}
_LOCK = threading.Lock()


@contextmanager
def _without_package_code(module: str, folders: list[str]) -> Generator[None, None, None]:
    """Let the packages above a module be empty, and forget the whole package afterwards."""
    root, *below = module.split(".")[:-1]
    name = root
    for part in ("", *below):
        if part:
            name = f"{name}.{part}"
            folders = [f"{folder}/{part}" for folder in folders]
        package = ModuleType(name)
        package.__path__ = folders
        sys.modules[name] = package
    try:
        yield
    finally:
        for loaded in [one for one in sys.modules if one.split(".")[0] == root]:
            del sys.modules[loaded]


@contextmanager
def _stand_ins(names: Sequence[str]) -> Generator[None, None, None]:
    """Put empty modules in the place of those that cannot be imported, for the time being."""
    absent = [name for name in names if not _can_import(name)]
    before = {name: sys.modules[name] for name in absent if name in sys.modules}
    sys.modules.update({name: ModuleType(name) for name in absent})
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
        sys.modules.update(before)


def _can_import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _missing(module: str, pip: str, purpose: str, error: Exception) -> MissingDependencyError:
    return MissingDependencyError(
        f"{purpose} needs the Python package {module.split('.')[0]!r}, which could not be "
        f"imported ({error}); install it with: {sys.executable} -m pip install {pip}"
    )

"""Optional third-party packages: imported where they are needed, with a helpful error if absent."""

import importlib
import warnings
from types import ModuleType

from .errors import MissingDependencyError


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
        raise MissingDependencyError(
            f"{purpose} needs the Python package {module.split('.')[0]!r}, which could not be "
            f"imported ({error}); install it with: pip install {pip}"
        ) from error

"""Reference-guided face restoration: the core, without ComfyUI.

    from pdgrad_core import Settings, load_image, load_model_set, restore_faces, save_image

    restored = restore_faces(degraded, [reference], load_model_set("demo"), Settings("pdgrad"))

Importing this package loads nothing heavy: each of these names is fetched when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .diffusion.priors import load_prior as load_prior
    from .diffusion.sampler import Sampler as Sampler
    from .guidance.gradients import compile_guidance as compile_guidance
    from .images import load_image as load_image
    from .images import save_image as save_image
    from .models.sets import load_model_set as load_model_set
    from .pipeline import Restoration as Restoration
    from .pipeline import restore_faces as restore_faces
    from .recipes import Hints as Hints
    from .recipes import recipe as recipe
    from .restorers import load_restorer as load_restorer
    from .runs import Process as Process
    from .runs import prepare_run as prepare_run
    from .settings import Settings as Settings

__version__ = "0.1.0"

_HOMES = {
    "Hints": "recipes",
    "Process": "runs",
    "Restoration": "pipeline",
    "Sampler": "diffusion.sampler",
    "Settings": "settings",
    "compile_guidance": "guidance.gradients",
    "load_image": "images",
    "load_model_set": "models.sets",
    "load_prior": "diffusion.priors",
    "load_restorer": "restorers",
    "prepare_run": "runs",
    "recipe": "recipes",
    "restore_faces": "pipeline",
    "save_image": "images",
}
"""The module of each public name."""

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]

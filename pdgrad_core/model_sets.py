"""The former home of `models.sets`, for scripts that import it from here."""

import warnings

from .models.sets import ModelSet, load_model_set, load_paths

__all__ = ["ModelSet", "load_model_set", "load_paths"]

warnings.warn(
    "pdgrad_core.model_sets is now pdgrad_core.models.sets; "
    "use `from pdgrad_core import load_model_set`.",
    DeprecationWarning,
    stacklevel=2,
)

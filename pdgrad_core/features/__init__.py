"""Feature networks: frozen, shared by losses and metrics, one file per network."""

from ..registry import discover
from .base import FEATURES, FeatureNetwork

discover(__name__, __path__)

__all__ = ["FEATURES", "FeatureNetwork"]

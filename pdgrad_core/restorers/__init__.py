"""Restorers: the coarse restoration y_c = f(y) that guidance starts from and pulls towards."""

from ..registry import discover
from .base import RESTORERS, Restorer, load_restorer

discover(__name__, __path__)

__all__ = ["RESTORERS", "Restorer", "load_restorer"]

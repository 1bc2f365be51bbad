"""Objectives: what each kind of network is trained for."""

from ...registry import discover
from .base import OBJECTIVES, Objective

discover(__name__, __path__)

__all__ = ["OBJECTIVES", "Objective"]

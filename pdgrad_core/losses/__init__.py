"""Losses on x0hat, one file per loss; guidance takes their gradients."""

from ..registry import discover
from .base import LOSSES, Loss

discover(__name__, __path__)

__all__ = ["LOSSES", "Loss"]

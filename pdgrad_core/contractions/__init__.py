"""Contractions: filters on x0hat that keep what another image knows, and leave the rest."""

from ..registry import discover
from .base import CONTRACTIONS, Contraction

discover(__name__, __path__)

__all__ = ["CONTRACTIONS", "Contraction"]

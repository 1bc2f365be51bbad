"""Gradient surgery: how several gradients become one, in the space of their inner products."""

from ..registry import discover
from .base import COMBINERS, Combiner, Gram, make_combiner

discover(__name__, __path__)

__all__ = ["COMBINERS", "Combiner", "Gram", "make_combiner"]

"""Strengths: how far a guidance gradient moves the step, one file per rule."""

from ...registry import discover
from .base import STRENGTHS, Scope, StrengthRule, make_strength

discover(__name__, __path__)

__all__ = ["STRENGTHS", "Scope", "StrengthRule", "make_strength"]

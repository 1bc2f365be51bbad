"""Degradations: what makes a bad photo out of a good one, with every drawn value reported."""

from ..registry import discover
from .base import Degradation
from .presets import PRESETS, Preset, degrade, preset

discover(__name__, __path__)

__all__ = ["PRESETS", "Degradation", "Preset", "degrade", "preset"]

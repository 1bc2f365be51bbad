"""Degradations: what makes a bad photo out of a good one, with every drawn value reported."""

from .base import Degradation
from .presets import PRESETS, Preset, degrade, preset

__all__ = ["PRESETS", "Degradation", "Preset", "degrade", "preset"]

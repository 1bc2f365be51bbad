"""Steppers: how x0hat becomes the distribution of x_{t-1}, one file per stepper."""

from ...registry import discover
from .base import STEPPERS, ReverseStep, StepInputs, Stepper
from .ddpm import DDPM  # the papers' own, and so the first

discover(__name__, __path__)

__all__ = ["DDPM", "STEPPERS", "ReverseStep", "StepInputs", "Stepper"]

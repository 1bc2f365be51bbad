"""Metrics: how near a result is to the truth, one number per image."""

from ..registry import discover
from .base import METRICS, Metric

discover(__name__, __path__)

__all__ = ["METRICS", "Metric"]

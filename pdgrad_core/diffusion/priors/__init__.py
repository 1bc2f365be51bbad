"""Diffusion priors: what knows how faces look, one file per kind."""

from ...registry import discover
from .base import PRIORS, LoadedPrior, load_prior

discover(__name__, __path__)

__all__ = ["PRIORS", "LoadedPrior", "load_prior"]

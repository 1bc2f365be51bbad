"""Studies: one file each, rows and what only it knows, found by `pdgrad ablate`."""

from ...registry import discover
from ..study import STUDIES, Study

discover(__name__, __path__)

__all__ = ["STUDIES", "Study"]

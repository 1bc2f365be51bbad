"""Whole albums: every photo of a folder, each face restored by its own person's photos."""

from .album import Album, AlbumResult
from .choices import AlbumChoices
from .opening import AlbumJob
from .work_list import WorkList

__all__ = ["Album", "AlbumChoices", "AlbumJob", "AlbumResult", "WorkList"]

"""Who does an album's work: this process, a Ray cluster, or ComfyUI hosts."""

from .base import Executor
from .local import LocalExecutor

__all__ = ["Executor", "LocalExecutor"]

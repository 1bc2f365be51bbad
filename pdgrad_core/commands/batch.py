"""Several inputs of one command: what cannot be done is named, and the rest is done."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ImageError, InvalidInputError, NoFaceError, NonFiniteError, PDGradError
from .streams import announce

T = TypeVar("T")

_OF_ONE = (ImageError, InvalidInputError, NoFaceError, NonFiniteError)
"""Errors that lie in one input; a missing network or a full disk would meet every one."""


class Batch:
    """The inputs of a command, and which of them failed.

    Of a single input the error itself is raised: there is no rest to be done.

    Args:
        paths: The inputs.
        done: What is done with them, for the summary ("restored").
    """

    def __init__(self, paths: Sequence[Path], done: str) -> None:
        self.paths = paths
        self.done = done
        self.failures: dict[Path, str] = {}

    def each(self, work: Callable[[int], T]) -> list[T]:
        """Return what `work` gives for the number of each input, without those that failed."""
        results: list[T] = []
        for number in range(len(self.paths)):
            error = _attempt(lambda number=number: results.append(work(number)))
            if error is not None:
                self._failed(number, error)
        return results

    def any_usable(self, check: Callable[[int], Any]) -> None:
        """Refuse, before long work, inputs of which none passes a check.

        Args:
            check: Called with an input's number; raises for one that cannot be used.

        Raises:
            PDGradError: The first input's error, where there is no input without one.
        """
        first: PDGradError | None = None
        for number in range(len(self.paths)):
            error = _attempt(lambda number=number: check(number))
            if error is None:
                return
            first = first or error
        if first is not None:
            raise first

    def report(self) -> list[dict[str, str]]:
        """Return the failures for a JSON report."""
        return [{"photo": str(path), "error": text} for path, text in self.failures.items()]

    def finish(self) -> int:
        """Say what is missing, and return the exit status: 1 where something failed."""
        if not self.failures:
            return 0
        done = len(self.paths) - len(self.failures)
        names = ", ".join(str(path) for path in self.failures)
        announce(f"pdgrad: {done} of {len(self.paths)} {self.done}; not {names}.")
        return 1

    def _failed(self, number: int, error: PDGradError) -> None:
        if len(self.paths) == 1:
            raise error
        path = self.paths[number]
        self.failures[path] = str(error)
        text = str(error)
        announce(f"pdgrad: {text if str(path) in text else f'{path}: {text}'}")


def _attempt(work: Callable[[], Any]) -> PDGradError | None:
    """Do something, and return the error that lies in one input."""
    try:
        work()
    except _OF_ONE as error:
        return error
    return None

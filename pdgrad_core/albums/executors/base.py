"""What whoever does an album's work has to answer."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from ...people import Person
from ..tasks import Facts, LookTask, Restored, RestoreTask, Seen

Batch = Sequence[RestoreTask]


class Executor(ABC):
    """Looks at photos and restores them; knows nothing of the work list.

    Attributes:
        in_order: Whether photos are looked at when they are asked for, one after the other, so that
            looking and restoring can take turns. Otherwise all are looked at first.
    """

    in_order = True

    @abstractmethod
    def facts(self) -> Facts:
        """Return what results depend on."""

    @abstractmethod
    def meet(self, folder: Path | None) -> list[Person]:
        """Read the folder of the people, with whom faces are compared from now on.

        Raises:
            InvalidInputError: See `read_people`.
        """

    @abstractmethod
    def look(self, tasks: Iterable[LookTask]) -> Iterator[tuple[LookTask, Seen]]:
        """Look at photos, in any order; what is wrong with one stands in its answer."""

    @abstractmethod
    def restore(self, batches: Iterable[Batch]) -> Iterator[Restored]:
        """Restore photos, those of a batch together, and write each result to its task's target.

        Args:
            batches: Is asked for the next one when there is somebody to do it.

        Yields:
            Each photo's result, in any order, once.
        """

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Let go of whatever was taken."""

    def __enter__(self) -> "Executor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

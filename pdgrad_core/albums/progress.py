"""How far the work on an album has come."""

from dataclasses import dataclass

from .work_list import Record


@dataclass(frozen=True)
class Progress:
    """What is told after each photo.

    Attributes:
        record: Of the photo.
        done: Photos that are finished, by whatever way.
        total: Photos of the album.
        seconds_left: An estimate; None where nothing was worked on yet.
        looking: Whether the photo was only looked at.
    """

    record: Record
    done: int
    total: int
    seconds_left: float | None
    looking: bool = False

    def __str__(self) -> str:
        """Return it as a line of text."""
        left = "" if self.seconds_left is None else f", about {in_words(self.seconds_left)} left"
        said = {"failed": f"failed: {self.record.error}"}.get(self.record.state, self.record.state)
        names = ", ".join(row["name"] or "?" for row in self.record.look)
        said = "looked at" if self.looking else said
        who = f" ({names})" if names and self.record.state != "failed" else ""
        return f"{self.done}/{self.total} {self.record.path}: {said}{who}{left}"


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{round(minutes)} min" if minutes < 90 else f"{minutes / 60:.1f} h"

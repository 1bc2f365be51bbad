"""What is said on the way, which never ends the work: whoever listened may have gone."""

import io
import os
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Make the standard streams usable for a program's whole life.

    Closed ones lead nowhere from here on (their numbers would else be given to files, which then
    received what libraries say), and characters that a stream's code page lacks are written as
    escapes.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            _fill_place(number)
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream: object = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Tell stdout what was done; a reader that has gone, or a full disk, stops nothing."""
    _write(sys.stdout, text)


def announce(text: str) -> None:
    """Tell stderr what is done now or went wrong; it stops nothing if nobody can be told."""
    _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "backslashreplace").decode(), file=stream, flush=True)
    except (OSError, ValueError):  # ValueError: the stream was closed
        lead_nowhere(stream)


def settle_streams() -> None:
    """Write what the standard streams still hold, or drop it where nobody takes it.

    The interpreter would else complain at its own end, and change the exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                lead_nowhere(stream)


def lead_nowhere(stream: TextIO) -> None:
    """Let a stream whose reader has gone write to nowhere, what it still holds included."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # a stream without a number of its own, or closed
        return


def _fill_place(number: int) -> None:
    """Give a closed stream's number away, so that no file receives it."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)

"""Ctrl-C and the system's requests to end, as one exception that lets files be cleaned up."""

import contextlib
import signal
import threading
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The user or the system asked the program to end.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def heed_signals() -> None:
    """Let Ctrl-C, and requests to end, raise `Stopped` where the program is.

    Without this a request to end would leave temporary files behind. What the caller chose to
    ignore, as `nohup` does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError, OSError):
                signal.signal(number, _stop)


def stop_signal(error: BaseException) -> int | None:
    """Return the signal that an error came of, or None: an import may have dressed it up."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return seen.number if isinstance(seen, Stopped) else int(signal.SIGINT)
        seen = seen.__cause__ or seen.__context__
    return None


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)

"""One download after the other, in a thread of its own, followed by the page."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..pdgrad_core.errors import FetchError, PDGradError

if TYPE_CHECKING:
    from ..pdgrad_core.weights.catalogue import WeightFile

EVENT = "pdgrad.fetch"
EVERY_SECONDS = 0.25
"""Progress is sent no more often than this."""


class FetchJob:
    """Fetches files and tells every open page how far it is; there is one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._states: dict[str, dict[str, Any]] = {}

    def states(self) -> dict[str, dict[str, Any]]:
        """Return the last state of every file that is being or was fetched, by name."""
        return {name: dict(state) for name, state in self._states.items()}

    def start(self, files: "Sequence[WeightFile]") -> None:
        """Begin to fetch files.

        Raises:
            FetchError: Others are being fetched.
        """
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise FetchError("Files are being fetched already; wait for them, or stop that.")
            self._stop.clear()
            self._states = {}
            for file in files:
                self._tell(file, "waiting")
            self._thread = threading.Thread(target=self._run, args=(list(files),), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let the download end at its next block; what arrived is kept for the next time."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is being fetched, and return whether that is so."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self, files: "list[WeightFile]") -> None:
        for file in files:
            self._attempt(file)

    def _attempt(self, file: "WeightFile") -> None:
        try:
            self._fetch(file)
        except PDGradError as error:
            self._tell(file, "failed", message=str(error))
        except Exception as error:  # the page must not wait for ever
            self._tell(file, "failed", message=f"{type(error).__name__}: {error}")
            raise

    def _fetch(self, file: "WeightFile") -> None:
        from ..pdgrad_core.weights.fetch import fetch
        from .weights import target_folder

        last = 0.0

        def show(received: int, total: int | None) -> None:
            nonlocal last
            if self._stop.is_set():
                raise FetchError("Stopped; what has arrived is kept, and fetching goes on from it.")
            now = time.monotonic()
            if now - last >= EVERY_SECONDS or received == total:
                last = now
                self._tell(file, "fetching", received=received, total=total)

        if self._stop.is_set():
            raise FetchError("Stopped before it began.")
        fetched = fetch(file, target_folder(file), show)
        message = (
            "its sha256 is the published one"
            if fetched.verified
            else f"sha256 {fetched.sha256}; none is published to compare with"
        )
        self._tell(file, "done", message=message, path=str(fetched.path))

    def _tell(self, file: "WeightFile", state: str, **more: Any) -> None:
        self._states[file.name] = {"name": file.name, "state": state, **more}
        _send(self._states[file.name])


def _send(data: dict[str, Any]) -> None:
    """Send an event to every open page."""
    from server import PromptServer

    server: Any = getattr(PromptServer, "instance", None)
    if server is not None:
        server.send_sync(EVENT, data, None)


JOB = FetchJob()

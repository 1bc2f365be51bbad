"""A ComfyUI host spoken to by its documented routes, with the standard library alone."""

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ...errors import InvalidInputError
from .dispatch import WorkerLostError

SUBFOLDER = "pdgrad-album"
"""Of the host's input folder, where faces are uploaded."""

ONE_PHOTOS = ("ImageError", "InvalidInputError", "NoFaceError", "NonFiniteError")
"""Types of errors that lie in one photo, as the host names them."""


class JobFailedError(Exception):
    """The host could not do a job, for what lies in the photo."""


class _RefusedError(Exception):
    """The host answered that it would not."""


@dataclass(frozen=True)
class Patience:
    """How long a host may be silent.

    Attributes:
        answer_s: For an answer.
        tries: Times that it may fail to, one after the other.
        pause_s: Between them.
        poll_s: Between two questions whether a job is done.
    """

    answer_s: float = 60.0
    tries: int = 4
    pause_s: float = 3.0
    poll_s: float = 0.5


def host_url(text: str) -> str:
    """Return a host's address without a slash at its end; "HOST:PORT" is http.

    Raises:
        InvalidInputError: It is no address.
    """
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise InvalidInputError(
            f"A ComfyUI host is an address as in http://192.168.0.2:8188, not {text!r}."
        )
    return url.rstrip("/")


class ComfyUIClient:
    """One host.

    Args:
        url: See `host_url`.
        patience: How long it may be silent.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self.url, self.patience = url, patience or Patience()
        self.stopped = False
        self._uploaded: set[str] = set()

    def node(self, kind: str) -> dict[str, Any] | None:
        """Return what the host says of a node; None where it has none of the kind."""
        found: dict[str, Any] = self._json(f"/object_info/{kind}")
        return found.get(kind)

    def upload(self, name: str, data: bytes) -> str:
        """Upload a picture, once, and return what Load Face Photo calls it.

        Args:
            name: Of the file; it says what is in it, so another content has another name.
            data: The file.
        """
        called = f"{SUBFOLDER}/{name}"
        if name not in self._uploaded:
            body, kind = _form(name, data, {"subfolder": SUBFOLDER, "overwrite": "true"})
            self._refusing(lambda: self._ask("/upload/image", body, kind))
            self._uploaded.add(name)
        return called

    def run(self, prompt: dict[str, Any]) -> dict[str, list[bytes]]:
        """Queue a prompt, wait for it, and return the pictures that each node showed.

        Raises:
            JobFailedError: What lies in the photo.
            WorkerLostError: The host is gone, or can do none of these jobs.
        """
        body = json.dumps({"prompt": prompt, "client_id": uuid.uuid4().hex}).encode()
        answer = self._refusing(lambda: self._ask("/prompt", body, "application/json"))
        number = str(json.loads(answer)["prompt_id"])
        try:
            done = self._waited(number)
        except BaseException:
            self._cancel(number)
            raise
        _check(done)
        return {
            node: [self._view(one) for one in shown["images"]]
            for node, shown in done["outputs"].items()
            if "images" in shown
        }

    def _waited(self, number: str) -> dict[str, Any]:
        """Return a job's record when it is done."""
        while not self.stopped:
            found = self._json(f"/history/{number}").get(number)
            if found is not None:
                return found
            queue = self._json("/queue")
            waiting = [*queue.get("queue_running", []), *queue.get("queue_pending", [])]
            if not any(number in one for one in waiting):
                # It may have ended between the two questions.
                found = self._json(f"/history/{number}").get(number)
                if found is None:
                    raise WorkerLostError("it has dropped the job from its queue")
                return found
            time.sleep(self.patience.poll_s)
        raise WorkerLostError("stopped")

    def _cancel(self, number: str) -> None:
        """Take a job back, if the host still listens."""
        with contextlib.suppress(OSError, _RefusedError):
            self._once("/queue", json.dumps({"delete": [number]}).encode(), "application/json")
            body = json.dumps({"prompt_id": number}).encode()
            self._once("/interrupt", body, "application/json")

    def _view(self, shown: dict[str, str]) -> bytes:
        return self._refusing(lambda: self._ask(f"/view?{urlencode(shown)}"))

    def _json(self, path: str) -> Any:
        try:
            return json.loads(self._refusing(lambda: self._ask(path)))
        except ValueError as error:
            raise WorkerLostError("it answers otherwise than ComfyUI does") from error

    def _refusing(self, ask: Callable[[], bytes]) -> bytes:
        """Return an answer; a host that refuses one job would refuse all of them."""
        try:
            return ask()
        except _RefusedError as error:
            raise WorkerLostError(str(error)) from error

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        """Return an answer; ask again where there is none.

        Raises:
            WorkerLostError: There is none, several times.
        """
        left = self.patience.tries
        while True:
            left -= 1
            try:
                return self._once(path, body, kind)
            except (OSError, http.client.HTTPException) as error:
                if not left or self.stopped:
                    reason = getattr(error, "reason", None) or error
                    raise WorkerLostError(f"it does not answer: {reason}") from error
            time.sleep(self.patience.pause_s)

    def _once(self, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.patience.answer_s) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            raise _RefusedError(_refusal(error)) from error


def _refusal(error: urllib.error.HTTPError) -> str:
    """Return in words why a host refuses: of a prompt, what is wrong with which node."""
    try:
        said = json.loads(error.read())
        nodes = said.get("node_errors") or {}
        found = [one["details"] for node in nodes.values() for one in node["errors"]]
        found = found or [said["error"]["message"]]
        return "; ".join(found)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return f"it answers {error.code} {error.reason}"


def _check(done: dict[str, Any]) -> None:
    """Raise where a job has not succeeded."""
    status: dict[str, Any] = done.get("status") or {}
    if status.get("status_str", "success") == "success":
        return
    for kind, data in status.get("messages", []):
        if kind == "execution_error":
            said = " ".join(str(data.get("exception_message", "")).split())
            error = str(data.get("exception_type", "")).rpartition(".")[2]
            if error in ONE_PHOTOS:
                raise JobFailedError(said)
            raise WorkerLostError(said or error)
    raise WorkerLostError("somebody interrupted the job there")


def _form(name: str, data: bytes, values: dict[str, str]) -> tuple[bytes, str]:
    """Return the body of a form with a file, and its content type."""
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in values.items()
    ]
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    parts += [head.encode(), data, f"\r\n--{edge}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={edge}"

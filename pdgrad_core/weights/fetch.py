"""Download a weight file that the user asked for: resumable, checked, and in place only when right.

Nothing else in this package opens a network connection.
"""

import http.client
import logging
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .. import __version__
from ..errors import CheckpointError, FetchError, UnsafeCheckpointError
from ..inspection import inspect
from .catalogue import WeightFile
from .folders import by_hand
from .integrity import check, sha256_of

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with the bytes on disk so far and the whole size, None where the server does not say."""

_BLOCK_BYTES = 1 << 20
_MAX_LENGTH_DIGITS = 19


@dataclass(frozen=True)
class Fetched:
    """A file that is now in place.

    Attributes:
        path: Where it lies.
        sha256: Its hash.
        verified: Whether that is the published hash; False only where none is published.
        downloaded: Whether it was downloaded now, or lay there already.
    """

    path: Path
    sha256: str
    verified: bool
    downloaded: bool


def fetch(
    file: WeightFile,
    folder: Path,
    progress: Progress | None = None,
    timeout_s: float = 30.0,
    *,
    force: bool = False,
) -> Fetched:
    """Download one file into a folder, continuing an earlier attempt where the server can.

    The bytes go to `<name>.part` beside the target. A connection that breaks leaves it there for
    the next attempt; a wrong hash removes it, and so does, where no hash is published, content that
    is no weight file of its kind; only a file that passes is renamed to its name.

    Args:
        file: What to fetch.
        folder: Target folder, made if needed.
        progress: Called after each block.
        timeout_s: Longest silence of the server, in seconds.
        force: Download although a file lies there; that one stays until the new one has passed,
            and is then replaced in one step.

    Raises:
        FetchError: There is no direct download, the network or the server failed, the file is not
            the published one or no weight file, or another file already has its name.
    """
    if file.url is None:
        raise FetchError(f"{file.file_name} has no direct download: {by_hand(file, folder)}.")
    target = folder / file.file_name
    if target.exists() and not force:
        return _already_there(file, target)
    part = target.with_name(f"{target.name}.part")
    try:
        _download(file, file.url, part, progress or _no_progress, timeout_s)
        return _accept(file, part, target)
    except OSError as error:  # a full disk, no right to write
        raise FetchError(
            f"{target} could not be written ({error}); choose another folder with --models."
        ) from error


def _already_there(file: WeightFile, target: Path) -> Fetched:
    verdict = check(file, target)
    fault = "" if verdict.usable else verdict.status
    if verdict.status == "unverifiable":
        fault = _fault(target, file.file_name)
    if fault:
        raise FetchError(
            f"{target} already exists and is not the published file ({fault}); move it away, or "
            "fetch with --force, which replaces it once the new file has passed."
        )
    return Fetched(target, verdict.sha256, verdict.status == "ok", downloaded=False)


def _download(file: WeightFile, url: str, part: Path, progress: Progress, timeout_s: float) -> None:
    """Bring `part` to its full length."""
    have = part.stat().st_size if part.exists() else 0
    if file.size_bytes is not None and have > file.size_bytes:
        part.unlink()
        have = 0
    if have and have == file.size_bytes:
        return
    response = _request(file, url, have, timeout_s)
    if response is None:  # the server says that nothing is missing
        return
    with response:
        start = have if response.status == http.client.PARTIAL_CONTENT else 0
        total = _total_bytes(response, start)
        part.parent.mkdir(parents=True, exist_ok=True)
        _check_offer(file, part.parent, start, total)
        received = _receive(file, response, part, start, total, progress)
    if total is not None and received < total:
        raise _broken(file, part, received, total, "the server closed the connection")


def _request(
    file: WeightFile, url: str, have: int, timeout_s: float
) -> http.client.HTTPResponse | None:
    """Ask for the bytes after the first `have`; None if the server has exactly that many."""
    headers = {"User-Agent": f"pdgrad/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                if error.headers.get("Content-Range", "") == f"bytes */{have}":
                    return None
                return _request(file, url, 0, timeout_s)  # what is here is not a part of that file
            raise FetchError(
                f"{urlsplit(url).hostname} answered {error.code} {error.reason} for "
                f"{file.file_name}; see {file.page} for where it is now."
            ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(
            f"{urlsplit(url).hostname} could not be reached for {file.file_name} ({reason}); check "
            "the network and run the command again."
        ) from error


def _total_bytes(response: http.client.HTTPResponse, start: int) -> int | None:
    length = response.headers.get("Content-Length")
    # Digits beyond any file are no length, and beyond 4300 Python refuses to read them.
    known = length is not None and length.isdecimal() and len(length) < _MAX_LENGTH_DIGITS
    return start + int(length) if length is not None and known else None


def _check_offer(file: WeightFile, folder: Path, start: int, total: int | None) -> None:
    """Refuse, before the first byte, a file of another size and one that the disk cannot hold."""
    if total is None:
        return
    if file.size_bytes is not None and total != file.size_bytes:
        raise FetchError(
            f"The server offers {total} bytes for {file.file_name}, and the published file has "
            f"{file.size_bytes}; nothing was downloaded; see {file.page}."
        )
    free = shutil.disk_usage(folder).free
    if free < total - start:
        raise FetchError(
            f"{file.file_name} needs {(total - start) / 1e6:.0f} MB more in {folder}, where "
            f"{free / 1e6:.0f} MB are free; choose another folder with --models."
        )


def _receive(
    file: WeightFile,
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    progress: Progress,
) -> int:
    """Write the answer's body to `part` and return the part's length."""
    received = start
    with part.open("ab" if start else "wb") as sink:
        progress(received, total)
        while True:
            try:
                block = response.read(_BLOCK_BYTES)
            except http.client.IncompleteRead as error:
                block = error.partial
            except (OSError, http.client.HTTPException) as error:
                raise _broken(file, part, received, total, str(error)) from error
            if not block:
                return received
            sink.write(block)
            received += len(block)
            progress(received, total)


def _accept(file: WeightFile, part: Path, target: Path) -> Fetched:
    """Check a complete download and give it its name; remove it if it is another file."""
    sha256 = sha256_of(part)
    found = ""
    if sha256 != file.sha256:
        fault = _fault(part, file.file_name)
        if file.sha256 is not None:
            hashes = f"sha256 {sha256}, expected {file.sha256}"
            found = f"not the published file ({hashes}{fault and f'; {fault}'})"
        elif fault:
            found = f"no weight file ({fault})"
    if found:
        part.unlink()
        raise FetchError(
            f"What {urlsplit(file.url or '').hostname} sent for {file.file_name} is {found}; it "
            f"was removed; fetch again, or see {file.page}."
        )
    part.replace(target)
    if file.sha256 is None:
        logger.warning(
            "%s has sha256 %s; no published hash is known, so it could not be verified.",
            target.name,
            sha256,
        )
    return Fetched(target, sha256, file.sha256 is not None, downloaded=True)


def _fault(path: Path, name: str) -> str:
    """Return why a file is none of the kind that its name says, in a phrase; empty if it is."""
    try:
        inspect(path, name)
    except UnsafeCheckpointError:
        return "a pickle that holds Python objects beside its weights"
    except CheckpointError as error:
        return str(error.__cause__ or error)
    return ""


def _broken(
    file: WeightFile, part: Path, received: int, total: int | None, reason: str
) -> FetchError:
    of_total = "" if total is None else f" of {total}"
    return FetchError(
        f"The download of {file.file_name} broke off after {received}{of_total} bytes ({reason}); "
        f"they are kept in {part}, and the same command continues from there."
    )


def _no_progress(received: int, total: int | None) -> None:
    """Show nothing."""

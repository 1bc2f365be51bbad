"""Is a weight file the published one? Its size, its SHA-256, the mark of test weights, its content.

`check` compares bytes and does without torch; `verify` also loads what may be the published file.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import CheckpointError, WrongArchitectureError
from ..inspection import inspect, naming_bytes
from .catalogue import WeightFile

Status = Literal[
    "ok",
    "unverifiable",
    "wrong size",
    "wrong hash",
    "test weights",
    "unreadable",
    "other network",
]


@dataclass(frozen=True)
class Verdict:
    """What a check of one file found.

    Attributes:
        status: "ok": the published file; "unverifiable": no published hash to compare with;
            "wrong size", "wrong hash": another file; "test weights": random numbers on purpose;
            "unreadable": no weight file; "other network": its tensors are not the network's.
        size_bytes: Size found.
        sha256: Hash found; empty where the size already told.
        reason: One sentence about what is wrong inside the file; empty where nothing is known.
    """

    status: Status
    size_bytes: int
    sha256: str = ""
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether the file may be the published one."""
        return self.status in ("ok", "unverifiable")


def check(file: WeightFile, path: Path) -> Verdict:
    """Compare a file's size and hash with the published ones.

    Args:
        file: The catalogue's entry.
        path: The file on disk, under whatever name.
    """
    size_bytes = path.stat().st_size
    if file.size_bytes is not None and size_bytes != file.size_bytes:
        return Verdict("test weights" if is_test_file(path) else "wrong size", size_bytes)
    sha256 = sha256_of(path)
    if file.sha256 is None:
        return Verdict("test weights" if is_test_file(path) else "unverifiable", size_bytes, sha256)
    if sha256 != file.sha256:
        status = "test weights" if is_test_file(path) else "wrong hash"
        return Verdict(status, size_bytes, sha256)
    return Verdict("ok", size_bytes, sha256)


def verify(file: WeightFile, path: Path) -> Verdict:
    """Compare a file with the published one, and load it where it may be that one.

    Args:
        file: The catalogue's entry.
        path: The file on disk, under whatever name.

    Returns:
        What `check` finds; "unreadable" or "other network" where the content tells more.
    """
    # Inside: it brings torch, which listing and fetching do without.
    from .contents import check_contents

    verdict = check(file, path)
    try:
        if verdict.usable or verdict.status == "test weights":
            check_contents(file, path)
        else:
            inspect(path, file.file_name)
    except WrongArchitectureError as error:
        return replace(verdict, status="other network", reason=str(error))
    except CheckpointError as error:
        # A size or a hash that is wrong already says that it is another file.
        status = "unreadable" if verdict.usable else verdict.status
        return replace(verdict, status=status, reason=str(error))
    return verdict


def sha256_of(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_test_file(path: Path | str) -> bool:
    """Return whether a `.pth` or `.safetensors` file says that it holds random numbers.

    The mark is looked for in the part that names the tensors; nothing is unpickled.
    """
    # Inside: it brings torch, which listing, fetching and checking a good file do without.
    from ..checkpoints import TEST_WEIGHTS_KEY

    return TEST_WEIGHTS_KEY.encode() in naming_bytes(path)

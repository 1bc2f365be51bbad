"""The commands that errors and reports print: they work where this package was installed."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..dependencies import Package

SCRIPT = "fetch_weights.py"
"""What stands in for the command where this package lies in ComfyUI and is not installed."""


def pip_command(packages: Sequence[Package]) -> str:
    """Return the line that installs packages for the Python that runs this."""
    return command_line([sys.executable, "-m", "pip", "install", *(one.pip for one in packages)])


def fetch_command(names: Sequence[str], folder: Path | None = None) -> str:
    """Return the line that fetches weight files.

    Args:
        names: Their short names.
        folder: Where they shall go, None for where they go by themselves.
    """
    option = [] if folder is None else ["--models", str(folder)]
    return command_line([*_program(), *names, *option])


def command_line(parts: Sequence[str]) -> str:
    """Return a command as it is typed on this system."""
    return subprocess.list2cmdline(parts) if sys.platform == "win32" else shlex.join(parts)


def _program() -> list[str]:
    """Return the command that fetches: ours where it is installed, else the script beside us."""
    if __name__.split(".")[0] == "pdgrad_core":
        return ["pdgrad", "weights", "fetch"]
    # The host loads the pack under a name made of its path.
    return [sys.executable, str(Path(__file__).absolute().parents[2] / SCRIPT)]

"""Everything that wants a GPU, in under five minutes: the tests and the timings, as two files.

    python scripts/gpu_check.py --out FOLDER

FOLDER/gpu_check.json holds every figure, FOLDER/gpu_check.md the table to read or to send; both are
written anew after each part, so that what was measured stays, whatever comes after. Nothing is
downloaded: the networks are full-size ones with random weights. A part that fails, or takes longer
than its share, loses nothing but itself; what does not fit into the time is left out and named, and
`--resume` measures it in another run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpu_table import is_measured, said_of, table

ROOT = Path(__file__).parents[1]
CORE = ("-m", "pdgrad_core")
USUAL_SECONDS = 285.0
TAIL = 40
"""Lines that are kept of what a failed part said."""

VERSIONS = """
import json, platform, torch
from pdgrad_core.devices import environment
device = torch.device({device!r})
found = environment(device)
found["versions"]["cuda"] = torch.version.cuda or torch.version.hip
if device.type == "cuda":
    about = torch.cuda.get_device_properties(device)
    found["memory_gb"] = round(about.total_memory / 1e9, 1)
    found["capability"] = [about.major, about.minor]
    found["versions"]["cudnn"] = torch.backends.cudnn.version()
try:
    import triton
    found["versions"]["triton"] = triton.__version__
except ImportError:
    found["versions"]["triton"] = None
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Part:
    """One command and how long it may take.

    Attributes:
        name: Row's name.
        command: What is run, after the interpreter.
        most_seconds: Stopped after that.
        least_seconds: Left out where less time remains.
    """

    name: str
    command: tuple[str, ...]
    most_seconds: float = 60
    least_seconds: float = 15


def parts(device: str, size: int, repeats: int, *, quick: bool) -> list[Part]:
    """Return what is measured, the most telling first.

    Args:
        device: Where.
        size: Side of the faces in pixels.
        repeats: Timed steps of each side.
        quick: Whether only the shortest runs are timed.
    """
    common = ("--device", device, "--size", str(size), "--json")
    whole = (*CORE, "benchmark", "step", *common, "--repeats", str(repeats))
    guidance = (*CORE, "benchmark", "guidance", *common, "--repeats", str(repeats))
    restore = (*CORE, "benchmark", "restore", *common)
    short = ("--steps", "2", "--batch", "1") if quick else ("--steps", "100", "--batch", "1", "4")

    def way(command: tuple[str, ...], precision: str, *more: str) -> tuple[str, ...]:
        return (*command, "--precision", precision, *more)

    def tried(name: str, command: tuple[str, ...], most_seconds: float = 60) -> Part:
        _, precision, *more = name.split()
        return Part(name, way(command, precision, *more), most_seconds)

    first = [Part(f"step {name} --replay", way(whole, name, "--replay")) for name in SIXTEEN_BIT]
    found = [
        *first,
        Part("tests", ("-m", "pytest", "-q", "-m", "gpu", "-rfE", *gpu_tests()), 100),
        Part("step exact", way(whole, "exact")),
        Part("restore fast --replay", way(restore, "fast", "--replay", *short)),
    ]
    if quick:
        return found
    many = ("--replay", "--batch", "4")
    sixteen = ("--replay", "--batch", "16", "--steps", "100")
    run = ("--steps", "700", "--batch", "1")
    return [
        *found,
        # What is built and off: each beside its row above, and Triton compiles for a while.
        tried("step balanced --replay --try split", whole),
        tried("step fast --replay --try norms", whole, 90),
        Part("step fast --compile", way(whole, "fast", "--compile"), 120, 45),
        Part("guidance fast --replay", way(guidance, "fast", "--replay")),
        tried("guidance fast --replay --try pooling", guidance),
        Part("guidance fast --replay, 4 faces", way(guidance, "fast", *many)),
        Part("step fast", way(whole, "fast")),
        Part("restore balanced --replay", way(restore, "balanced", "--replay", *short)),
        Part("restore fast --replay, 700", way(restore, "fast", "--replay", *run), 90, 25),
        Part("restore fast --replay, 16", way(restore, "fast", *sixteen), 90, 30),
        Part("step balanced", way(whole, "balanced")),
        Part("step balanced --compile", way(whole, "balanced", "--compile"), 120, 45),
    ]


SIXTEEN_BIT = ("fast", "balanced")


def gpu_tests() -> list[str]:
    """Return the test files that need a GPU: collecting all others takes longer than these."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [
        str(one.relative_to(ROOT))
        for one in files
        if "mark.gpu" in one.read_text(encoding="utf-8") and one.name != "test_gpu_check.py"
    ]


def main() -> int:
    """Read the arguments, measure, write the two files; return the exit status."""
    args = _arguments()
    cuda = args.device.startswith("cuda")
    if cuda and not _has_cuda():
        print(
            "gpu_check: no CUDA device is here, so nothing was measured; with --device cpu --size "
            "64 --quick the script itself can be tried.",
            file=sys.stderr,
        )
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    found = _earlier(args) if args.resume else {}
    found.update(commit=_commit(), device=args.device, size_px=args.size)
    deadline = time.monotonic() + args.seconds
    longer = max(1.0, args.seconds / USUAL_SECONDS)
    about = Part("versions", ("-c", VERSIONS.format(device=args.device)), 60, 0)
    found["machine"] = measured(about, deadline)
    rows: dict[str, Any] = found.setdefault("parts", {})
    for one in parts(args.device, args.size, args.repeats, quick=args.quick):
        if one.name == "tests" and not cuda:  # nothing to ask a CPU
            continue
        if one.name not in rows or not is_measured(rows[one.name]):
            began = time.monotonic()
            measure = tested if one.name == "tests" else measured
            share = replace(one, most_seconds=longer * one.most_seconds)
            rows[one.name] = measure(share, deadline)
            rows[one.name]["took_seconds"] = round(time.monotonic() - began, 1)
            print(f"{one.name}: {said_of(rows[one.name])}", file=sys.stderr, flush=True)
        _write(args.out, found)
    _write(args.out, found)
    print(table(found))
    return int(not all(is_measured(row) for row in rows.values() if "left_out" not in row))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    parser.add_argument("--device", default="cuda", help="where (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="side of the faces in pixels")
    parser.add_argument("--repeats", type=int, default=10, help="timed steps of each side")
    parser.add_argument(
        "--seconds", type=float, default=USUAL_SECONDS,
        help="for everything together (default: %(default)s); with more each part may take longer",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="only the shortest runs")
    parser.add_argument(
        "--resume", action="store_true",
        help="keep what FOLDER has of this commit, device and size, and measure the rest",
    )  # fmt: skip
    return parser.parse_args()


def _earlier(args: argparse.Namespace) -> dict[str, Any]:
    try:
        found = json.loads((args.out / "gpu_check.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    same = (found.get("commit"), found.get("device"), found.get("size_px"))
    return found if same == (_commit(), args.device, args.size) else {}


def tested(one: Part, deadline: float) -> dict[str, Any]:
    """Run the tests marked gpu; return pytest's last line, and its last lines where one failed."""
    return _guarded(one, deadline, lambda out: {"said": out.strip().splitlines()[-1]})


def measured(one: Part, deadline: float) -> dict[str, Any]:
    """Return a command's figures, or why there are none."""
    return _guarded(one, deadline, lambda out: json.loads(out[out.index("{") :]))


def _guarded(one: Part, deadline: float, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Run a part and read what it printed; whatever goes wrong is the row's `error`."""
    left = deadline - time.monotonic()
    if left < one.least_seconds:
        return {"left_out": "no time was left"}
    status, out, err = _run(one.command, min(left, one.most_seconds))
    # pytest tells what failed on stdout, our commands on stderr.
    lines = (out if one.name == "tests" else err).strip().splitlines()
    if status == 0:
        try:
            return read(out)
        except (ValueError, IndexError) as error:
            return {"error": f"its answer cannot be read ({error})", "tail": lines[-TAIL:]}
    last = lines[-1] if lines else f"exit status {status}"
    return {"error": last, "status": status, "tail": lines[-TAIL:]}


def _run(command: tuple[str, ...], seconds: float) -> tuple[int, str, str]:
    """Run a command with this interpreter; return its status and what it printed.

    Output goes to files, and what takes too long ends with all that it started: a benchmark's own
    processes would hold a pipe open, and the GPU, when it has ended.
    """
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=out, stderr=err, start_new_session=True
        )
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            status = 124
        finally:
            _end(process)
        texts: list[str] = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    if status == 124:
        texts = [f"{text}\nstopped after {seconds:.0f} s" for text in texts]
    return status, texts[0], texts[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and the group that it leads, as far as there is any of it left."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _write(folder: Path, found: dict[str, Any]) -> None:
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    for name, whole in (("gpu_check.json", text), ("gpu_check.md", table(found))):
        partial = folder / f"{name}.part"
        partial.write_text(whole, encoding="utf-8")
        partial.replace(folder / name)  # whole or not at all


if __name__ == "__main__":
    sys.exit(main())

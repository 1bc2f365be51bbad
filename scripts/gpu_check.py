"""Everything that wants a GPU, in under five minutes: the tests and the timings, as two files.

    python scripts/gpu_check.py --out FOLDER

FOLDER/gpu_check.json holds every figure, FOLDER/gpu_check.md the table to read or to send. Nothing
is downloaded: the networks are full-size ones with random weights. What does not fit into the time
is left out and named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TESTS = "tests"
PRESETS = ("exact", "balanced", "fast")


@dataclass(frozen=True)
class Measurement:
    """One command and how its figures are found.

    Attributes:
        name: Row's name.
        command: What is run, after the interpreter.
        least_seconds: Left out where less time remains.
    """

    name: str
    command: tuple[str, ...]
    least_seconds: float = 20


def measurements(device: str, size: int, repeats: int, *, quick: bool) -> list[Measurement]:
    """Return what is measured, the most telling first.

    Args:
        device: Where.
        size: Side of the faces in pixels.
        repeats: Timed steps of each side.
        quick: Whether only the shortest runs are timed.
    """
    common = ("--device", device, "--size", str(size), "--json")
    step = ("-m", "pdgrad_core", "benchmark", "step", *common, "--repeats", str(repeats))
    restore = ("-m", "pdgrad_core", "benchmark", "restore", *common)
    found = [Measurement(f"step {one}", (*step, "--precision", one)) for one in PRESETS]
    short = ("--steps", "2", "--batch", "1") if quick else ("--steps", "100", "--batch", "1", "4")
    found += [
        Measurement(f"restore {one}", (*restore, "--precision", one, *short), 40)
        for one in PRESETS[1:]
    ]
    if not quick:
        found.append(Measurement("step fast --compile", (*found[2].command, "--compile"), 90))
        long = ("--precision", "fast", "--steps", "700", "--batch", "1")
        found.append(Measurement("restore fast, 700 steps", (*restore, *long), 60))
    return found


def main() -> int:
    """Read the arguments, measure, write the two files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    parser.add_argument("--device", default="cuda", help="where (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="side of the faces in pixels")
    parser.add_argument("--repeats", type=int, default=10, help="timed steps of each side")
    parser.add_argument("--seconds", type=float, default=300, help="for everything together")
    parser.add_argument("--quick", action="store_true", help="only the shortest runs")
    args = parser.parse_args()
    if args.device.startswith("cuda") and not _has_cuda():
        print("gpu_check: no CUDA device is here; nothing was measured.", file=sys.stderr)
        return 1
    deadline = time.monotonic() + args.seconds
    found: dict[str, Any] = {"commit": _commit(), "device": args.device, "size_px": args.size}
    if args.device.startswith("cuda"):
        found["tests"] = run_tests(deadline)
    found["figures"] = {}
    for one in measurements(args.device, args.size, args.repeats, quick=args.quick):
        found["figures"][one.name] = run_measurement(one, deadline)
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    (args.out / "gpu_check.json").write_text(text, encoding="utf-8")
    (args.out / "gpu_check.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    failed = any("error" in row for row in found["figures"].values())
    return int(failed or found.get("tests", {}).get("status", 0) != 0)


def run_tests(deadline: float) -> dict[str, Any]:
    """Run the tests marked gpu; return their exit status and pytest's last line."""
    command = ("-m", "pytest", "-q", "-m", "gpu", TESTS)
    status, out, err = _run(command, deadline)
    lines = (out or err).strip().splitlines()
    return {"status": status, "said": lines[-1] if lines else ""}


def run_measurement(one: Measurement, deadline: float) -> dict[str, Any]:
    """Return a benchmark's figures, or why there are none."""
    if deadline - time.monotonic() < one.least_seconds:
        return {"left_out": "no time was left"}
    status, out, err = _run(one.command, deadline)
    if status != 0:
        lines = err.strip().splitlines()
        return {"error": lines[-1] if lines else f"exit status {status}"}
    return json.loads(out)


def table(found: dict[str, Any]) -> str:
    """Return the figures as Markdown: steps, runs, and what was left out or failed."""
    figures: dict[str, Any] = found["figures"]
    machine = next((row for row in figures.values() if "device_name" in row), {})
    torch_version = machine.get("versions", {}).get("torch", "?")
    lines = [
        f"{machine.get('device_name', found['device'])}, torch {torch_version}, "
        f"{found['size_px']} px, commit {found['commit']}, TF32 off on both sides.",
        "",
        "| whole step | straightforward, ms | ours, ms | ratio | worst cosine | peak GB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_step_row(name, row) for name, row in figures.items() if "ratio" in row]
    lines += ["", "| run | faces | steps | s | ms a step | s a face | peak GB |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [_run_row(name, run) for name, row in figures.items() for run in row.get("runs", ())]
    notes = [
        f"- {name}: {row.get('left_out') or row['error']}"
        for name, row in figures.items()
        if "left_out" in row or "error" in row
    ]
    if "tests" in found:
        notes.insert(0, f"- tests: {found['tests']['said']}")
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def _step_row(name: str, row: dict[str, Any]) -> str:
    theirs, ours = row["straightforward"], row["ours"]
    return (
        f"| `{name}` | {1000 * theirs['seconds']:.1f} | {1000 * ours['seconds']:.1f} | "
        f"{row['ratio']:.1f} | {row['gradient_cosine']:.7f} | "
        f"{ours['peak_memory_bytes'] / 1e9:.2f} |"
    )


def _run_row(name: str, run: dict[str, Any]) -> str:
    begin = f"| `{name}` | {run['batch']} | {run['steps']} | "
    if "out_of_memory" in run:
        return begin + "out of memory | | | |"
    return begin + (
        f"{run['seconds']:.2f} | {1000 * run['seconds_per_step']:.1f} | "
        f"{run['seconds_per_face']:.2f} | {run['peak_memory_bytes'] / 1e9:.2f} |"
    )


def _run(command: tuple[str, ...], deadline: float) -> tuple[int, str, str]:
    left = max(1.0, deadline - time.monotonic())
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=left
        )
    except subprocess.TimeoutExpired:
        return 124, "", f"stopped after {left:.0f} s"
    return done.returncode, done.stdout, done.stderr


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())

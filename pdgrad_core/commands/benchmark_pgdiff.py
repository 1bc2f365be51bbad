"""`pdgrad benchmark pgdiff`: our steps against those of the official PGDiff."""

import argparse
from pathlib import Path
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark pgdiff` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "pgdiff",
        help="each PGDiff task against the official code, in one run",
        description="Time a step of each PGDiff task, ours and the official code's in turn, from "
        "the same noise and with the same weights (test weights will do: pdgrad weights "
        "make-test), and compare where both arrive.",
    )
    parser.add_argument(
        "--checkout", type=Path, required=True, metavar="DIR",
        help="folder of a checkout of pq-yang/PGDiff; its code is run as it is",
    )  # fmt: skip
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of weights")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="only these (default: all)")
    parser.add_argument("--steps", type=int, default=5, help="timed steps (default: %(default)s)")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--dtype", default="float32", help="in what our prior computes")
    parser.add_argument("--threads", type=int, help="CPU threads of each side (default: all)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    import tempfile

    from ..benchmarks.pgdiff import benchmark_pgdiff
    from ..benchmarks.pgdiff_job import TASKS, Job

    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            args.checkout,
            Path(folder),
            models=args.models,
            device=args.device,
            dtype=args.dtype,
            threads=args.threads,
        )
        found = benchmark_pgdiff(job, args.tasks or tuple(TASKS), args.steps)
    if args.json:
        write_json(found)
        return 0
    print(f"{'task':14}{'theirs s':>10}{'ours s':>10}{'ratio':>8}{'theirs GB':>11}{'ours GB':>9}")
    for task, row in found["tasks"].items():
        print(
            f"{task:14}{row['theirs_seconds_per_step']:10.3f}{row['ours_seconds_per_step']:10.3f}"
            f"{row['ratio']:8.2f}{row['theirs_peak_memory_bytes'] / 1e9:11.2f}"
            f"{row['ours_peak_memory_bytes'] / 1e9:9.2f}"
        )
    return 0

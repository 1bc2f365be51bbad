"""`pdgrad benchmark restore`: whole guided runs, by steps and number of faces."""

import argparse
from pathlib import Path
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark restore` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "restore",
        help="whole guided runs end to end, by steps and number of faces",
        description="Time PDGrad's sampling from start to end, y_c given, for each number of faces "
        "at once and of steps below tau = 700. TF32 is off; CUDA's runs are timed by its events.",
    )
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="folder of weights (default: random ones)"
    )
    parser.add_argument(
        "--size", type=int, default=512, metavar="PX",
        help="side of the faces (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[100, 700], help="steps (default: 100 700)"
    )
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1, 4, 16], help="faces at once (default: 1 4 16)"
    )
    parser.add_argument(
        "--precision", default="auto", help="exact, balanced, fast or auto (default: auto)"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--compile", action="store_true", help="compile what gains by it; with CUDA replay it too"
    )
    ways.add_argument("--replay", action="store_true", help="replay CUDA graphs, uncompiled")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.restoring import RestoringJob, benchmark_restoring

    job = RestoringJob(
        models=args.models,
        size_px=args.size,
        steps=tuple(args.steps),
        batches=tuple(args.batch),
        precision=args.precision,
        compiled=args.compile,
        replayed=args.replay,
        device=args.device,
    )
    found = benchmark_restoring(job)
    if args.json:
        write_json(found)
        return 0
    print(f"{'faces':>5}{'steps':>7}{'seconds':>9}{'s a step':>10}{'s a face':>10}{'peak GB':>9}")
    for row in found["runs"]:
        print(f"{row['batch']:5}{row['steps']:7}", end="")
        if "out_of_memory" in row:
            print("  does not fit into the device's memory")
            continue
        print(
            f"{row['seconds']:9.2f}{row['seconds_per_step']:10.4f}{row['seconds_per_face']:10.2f}"
            f"{row['peak_memory_bytes'] / 1e9:9.2f}"
        )
    print(f"precision {found['precision']}, TF32 off, timed by {found['timer']}, ", end="")
    print(f"{found['device_name']}, torch {found['versions']['torch']}")
    return 0

"""`pdgrad benchmark gan-prior`: our GPEN against the official one."""

import argparse
from pathlib import Path
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark gan-prior` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "gan-prior",
        help="GPEN's network against the official code, in one run",
        description="Time the restoration of a face by GPEN's network, ours and the official "
        "code's in turn, with the same weights, and compare the results.",
    )
    parser.add_argument(
        "--checkout", type=Path, required=True, metavar="DIR",
        help="folder of a checkout of yangxy/GPEN; its code is run as it is",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=Path, metavar="FILE",
        help="a file of GPEN's (default: random weights of GPEN-BFR-512's layout)",
    )  # fmt: skip
    parser.add_argument("--turns", type=int, default=3, help="timed faces (default: %(default)s)")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--threads", type=int, help="CPU threads of each side (default: all)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.gan_prior import GPENJob, benchmark_gan_prior

    job = GPENJob(args.checkout, args.weights, args.device, args.threads)
    found = benchmark_gan_prior(job, args.turns)
    if args.json:
        write_json(found)
        return 0
    print(f"{'':8}{'s':>9}{'processor s':>13}{'GB':>7}")
    for side in ("theirs", "ours"):
        print(
            f"{side:8}{found[f'{side}_seconds']:9.3f}{found[f'{side}_processor_seconds']:13.3f}"
            f"{found[f'{side}_peak_memory_bytes'] / 1e9:7.2f}"
        )
    print(
        f"ratio {found['ratio']:.2f}, of processor time {found['processor_time_ratio']:.2f}; "
        f"largest difference {found['difference']:.1e} on a scale from -1 to 1 "
        f"({found['relative_difference']:.1e} of the largest value)"
    )
    return 0

"""`pdgrad benchmark pasting`: how visible a pasted face is, against other ways of pasting."""

import argparse
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark pasting` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "pasting",
        help="how visible a pasted face is, against a hard and a feathered crop",
        description="Paste stand-ins for restored faces into drawn group photos, whose truth is "
        "known, in several ways, and measure what shows. No weights are needed.",
    )
    parser.add_argument(
        "--groups", type=int, default=2, metavar="N",
        help="photos of each of the five kinds (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--crop-px", type=int, default=128, metavar="PX",
        help="side of the crops (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.pasting import benchmark_pasting

    rows = benchmark_pasting(args.groups, args.crop_px)
    if args.json:
        write_json({"crop_px": args.crop_px, "groups": args.groups, "rows": rows})
        return 0
    print("| way of pasting | stand-in | step | jump | grain | outside |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        figures = (f"{row[name]:.2f}" for name in ("step", "jump", "grain", "outside"))
        print(f"| {row['method']} | {row['change']} | {' | '.join(figures)} |")
    return 0

"""`pdgrad benchmark`: how fast, and with how much memory, against the other way of doing it."""

import argparse
from types import ModuleType
from typing import Any

from . import benchmark_pgdiff

BENCHMARKS: tuple[ModuleType, ...] = (benchmark_pgdiff,)
"""One module per benchmark, each with `add_parser`."""


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "benchmark",
        help="measure speed and memory against another way of doing the same",
        description="Measure speed and memory against another way of doing the same, both in one "
        "run on this machine.",
    )
    kinds = parser.add_subparsers(title="benchmarks", metavar="BENCHMARK", required=True)
    for benchmark in BENCHMARKS:
        benchmark.add_parser(kinds)

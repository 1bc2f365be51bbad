"""`pdgrad benchmark`: how fast, how much memory, how visible, against other ways of doing it."""

import argparse
from collections.abc import Callable
from typing import Any

from .benchmark_album import add_parser as add_album
from .benchmark_fit import add_parser as add_fit
from .benchmark_flicker import add_parser as add_flicker
from .benchmark_gan_prior import add_parser as add_gan_prior
from .benchmark_guided_step import add_guidance, add_step
from .benchmark_latent import add_parser as add_latent
from .benchmark_pasting import add_parser as add_pasting
from .benchmark_pgdiff import add_parser as add_pgdiff
from .benchmark_restore import add_parser as add_restore

BENCHMARKS: tuple[Callable[[Any], None], ...] = (
    *(add_guidance, add_step, add_pgdiff),
    *(add_fit, add_flicker, add_pasting, add_gan_prior, add_latent, add_album, add_restore),
)
"""What enters each benchmark into the command line, one module per benchmark."""


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "benchmark",
        help="measure speed, memory, seams or flicker against another way of doing the same",
        description="Measure speed, memory, seams or flicker against another way of doing the "
        "same, both in one run on this machine.",
    )
    kinds = parser.add_subparsers(title="benchmarks", metavar="BENCHMARK", required=True)
    for add_benchmark in BENCHMARKS:
        add_benchmark(kinds)

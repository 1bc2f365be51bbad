"""`pdgrad benchmark fit`: DifBFSR's fit against the sampling that follows it."""

import argparse
from pathlib import Path
from typing import Any

from .model_options import write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark fit` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fit",
        help="DifBFSR's fit against the sampling that follows it",
        description="Time the fit of DifBFSR's networks to one face and, in turns with it, steps "
        "of the prior (test weights will do: pdgrad weights make-test).",
    )
    parser.add_argument("--models", metavar="DIR|demo", help='folder of weights, or "demo"')
    parser.add_argument("--iterations", type=int, default=100, help="updates of the fit")
    parser.add_argument(
        "--steps", type=int, default=50, help="steps of the sampling (default: %(default)s)"
    )
    parser.add_argument("--turns", type=int, default=4, help="timed steps (default: %(default)s)")
    parser.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", ...')
    parser.add_argument("--dtype", default="float32", help="in what the prior computes")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    import torch

    from ..benchmarks.fit import benchmark_fit
    from ..contractions.fit import FitSettings
    from ..devices import parse_device, parse_dtype
    from ..diffusion.priors import load_prior
    from ..embedded import demo_weights
    from ..models.sets import DEMO
    from ..weights.folders import find, search_folders

    settings = FitSettings(iterations=args.iterations)
    if args.threads is not None:
        torch.set_num_threads(max(1, args.threads))
    if args.models == DEMO:
        path = demo_weights("prior")
    else:
        path = find("ffhq512-prior", search_folders(Path(args.models) if args.models else None))
    prior = load_prior(path, parse_device(args.device), parse_dtype(args.dtype))
    found = benchmark_fit(prior, args.steps, args.turns, settings)
    if args.json:
        write_json(found)
        return 0
    print(
        f"{found['size_px']} px: {found['iterations']} updates {found['fit_seconds']:.2f} s, "
        f"a step {found['step_seconds']:.3f} s, {found['steps']} steps "
        f"{found['steps'] * found['step_seconds']:.1f} s, ratio {found['ratio']:.3f} "
        f"(processor time {found['cpu_ratio']:.3f})"
    )
    return 0

"""`pdgrad benchmark flicker`: restored video with each frame's own noise, and with the same."""

import argparse
from typing import Any

from .model_options import add_model_options, write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark flicker` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "flicker",
        help="how much restored frames flicker, with their own noise and with the same",
        description="Draw people who move slowly, degrade their frames, restore them with each "
        "frame's own noise and with the same noise for all, and compare the steps from frame to "
        "frame with the truth's.",
    )
    for name, default, text in (
        ("people", 8, "sequences"),
        ("frames", 16, "frames of each"),
        ("steps", 50, "steps of the sampling"),
        ("seed", 0, "seed of every sequence"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    parser.add_argument("--recipe", default="pdgrad", metavar="NAME", help="which method")
    parser.add_argument("--stepper", metavar="NAME", help="how x0hat becomes x_{t-1}")
    parser.add_argument(
        "--preset", default="pdgrad", metavar="NAME", help="degradation (default: %(default)s)"
    )
    add_model_options(parser)
    parser.set_defaults(run=run, models="demo")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.flicker import benchmark_flicker
    from ..devices import parse_device, parse_dtype
    from ..models.sets import DEMO, load_model_set
    from ..settings import Settings

    settings = Settings(args.recipe, seed=args.seed, steps=args.steps, stepper=args.stepper)
    row = settings.resolved()
    models = load_model_set(
        args.models,
        restorer=row.restorer_with(args.models == DEMO),
        prior=row.prior_kind,
        features=row.all_networks,
        device=parse_device(args.device),
        dtype=parse_dtype(args.dtype),
    )
    found = benchmark_flicker(
        models, settings, people=args.people, frames=args.frames, degradation=args.preset
    )
    if args.json:
        write_json(found)
        return 0
    print(f"{'frames':14}{'movement':>10}{'flicker':>10}{'PSNR dB':>10}   (of 255, frame to frame)")
    for name, row in found["rows"].items():
        print(f"{name:14}{row['movement']:10.2f}{row['flicker']:10.2f}{row['psnr']:10.2f}")
    return 0

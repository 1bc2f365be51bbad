"""`pdgrad benchmark album`: an album's faces together, against photo by photo."""

import argparse
from typing import Any

from .model_options import add_model_options, write_json


def add_parser(subparsers: Any) -> None:
    """Enter `benchmark album` into the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "album",
        help="a drawn album: faces of several photos together, against photo by photo",
        description="Draw an album, look through it, and restore it twice: a face at a time, and "
        "faces of several photos together.",
    )
    for name, default, text in (
        ("photos", 12, "drawn photos of 1 to 3 people"),
        ("people", 4, "known people"),
        ("together", 8, "faces restored together"),
        ("steps", 20, "steps of the sampling"),
        ("seed", 0, "seed of the noise"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    parser.add_argument("--recipe", default="pdgrad", metavar="NAME", help="which method")
    add_model_options(parser)
    parser.set_defaults(run=run, models="demo")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..benchmarks.album import benchmark_album
    from ..devices import parse_device, parse_dtype
    from ..models.sets import DEMO, load_model_set
    from ..settings import Settings

    settings = Settings(args.recipe, seed=args.seed, steps=args.steps, tau=350)
    row = settings.resolved()
    models = load_model_set(
        args.models,
        restorer=row.restorer_with(args.models == DEMO),
        prior=row.prior_kind,
        features=tuple(dict.fromkeys((*row.all_networks, "arcface"))),
        device=parse_device(args.device),
        dtype=parse_dtype(args.dtype),
    )
    found = benchmark_album(models, settings, args.photos, args.people, args.together)
    if args.json:
        write_json(found)
        return 0
    print(f"{'faces':14}{'at once':>9}{'s a face':>10}{'processor s':>13}{'an hour':>10}")
    for name, one in found["rows"].items():
        print(
            f"{name:14}{one['faces_at_once']:9}{one['seconds_per_face']:10.3f}"
            f"{one['processor_seconds_per_face']:13.3f}{one['faces_per_hour']:10.0f}"
        )
    looking, memory = found["looking_seconds_per_photo"], found["peak_memory_mb"]
    processor = found["looking_processor_seconds_per_photo"]
    print(
        f"looking: {looking:.2f} s a photo, {processor:.2f} of the processor; gain "
        f"{found['gain']:.2f}; peak {memory:.0f} MB"
    )
    return 0

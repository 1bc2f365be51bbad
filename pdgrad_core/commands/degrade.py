"""`pdgrad degrade`: make a good photo bad, as the papers do, and say exactly how."""

import argparse
from pathlib import Path
from typing import Any

from ..outputs import Output, check_outputs
from .command_parser import CommandParser
from .model_options import write_json
from .result_paths import picture_path
from .streams import say


def add_parser(subparsers: Any) -> None:
    """Enter `degrade` into the command line."""
    parser: CommandParser = subparsers.add_parser(
        "degrade",
        help="blur, shrink, add noise and compress a photo, as a paper's benchmark does",
        description="Degrade a photo with values drawn from a paper's ranges. The same seed gives "
        "the same result; the values drawn are printed.",
    )
    parser.add_argument("photo", type=Path, metavar="PHOTO", help="picture to degrade")
    parser.add_argument("--seed", type=int, default=0, help="0 or greater")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="picture to write")
    parser.add_argument("--json", action="store_true", help="write the values drawn as JSON")
    parser.complete_with(_add_preset_option)
    parser.set_defaults(run=run)


def _add_preset_option(parser: argparse.ArgumentParser) -> None:
    from ..degradations import PRESETS

    parser.add_argument(
        "--preset", default="pdgrad", metavar="NAME",
        help=f"whose ranges (default: %(default)s; {', '.join(PRESETS)})",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    from ..degradations import degrade
    from ..images import load_image, save_image

    out = picture_path(args.out, args.photo.stem)
    check_outputs([Output("--out", out)], [args.photo])
    result, drawn = degrade(load_image(args.photo), args.preset, [args.seed])
    save_image(result, out)
    values = drawn[0].describe()
    if args.json:
        write_json({"out": str(out), "preset": args.preset, "seed": args.seed, **values})
    else:
        text = ", ".join(f"{name} {_short(value)}" for name, value in values.items())
        say(f"{out}: {text}")
    return 0


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

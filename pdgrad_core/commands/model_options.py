"""Options and habits shared by the commands that run models: where, in what, and progress."""

import argparse
import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..diffusion.sampler import StepState
    from ..recipes import Recipe


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --models, --device, --dtype and --json."""
    group = parser.add_argument_group("models")
    group.add_argument(
        "--models",
        metavar="DIR|NAME",
        help='folder of weight files to search first, or "demo" for the embedded models',
    )
    group.add_argument("--device", default="auto", help='"auto", "cpu", "cuda", "mps", ...')
    group.add_argument(
        "--dtype",
        default="float32",
        help="in what the prior computes: float32, bfloat16 or float16 (float32, or as --precision "
        "says where there is one)",
    )
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")


def add_precision_options(parser: argparse.ArgumentParser) -> None:
    """Add --precision, --compile and --replay, and let --dtype follow --precision."""
    group = parser.add_argument_group("speed")
    group.add_argument(
        "--precision",
        default="auto",
        metavar="NAME",
        help="exact: float32 on every device, without TF32; balanced: float32 features, 16-bit "
        "adjoints and prior; fast: all 16 bit (bfloat16 on a CPU, float16 with CUDA; MPS has exact "
        "only); auto: balanced where the device is fast at it (default: %(default)s)",
    )
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--compile",
        action="store_true",
        help="compile what gains by it at the first step; with CUDA also --replay (not measured on "
        "a GPU since it was built)",
    )
    ways.add_argument(
        "--replay",
        action="store_true",
        help="with CUDA, replay prior and guidance as graphs, without the minute that compiling "
        "takes (not measured on a GPU since it was built); elsewhere nothing changes",
    )
    parser.set_defaults(dtype=None)


@contextmanager
def step_progress(title: str) -> "Generator[Callable[[StepState], None], None, None]":
    """Yield a step callback that draws a progress bar with the remaining time on stderr."""
    from tqdm import tqdm

    # disable=None: no bar where nobody watches.
    hidden = True if sys.stderr is None or sys.stderr.closed else None
    with tqdm(desc=title, unit="step", file=sys.stderr, disable=hidden) as bar:

        def show(state: "StepState") -> None:
            bar.total = state.total
            bar.update(state.done - bar.n)

        yield show


def write_json(value: Any, path: Path | None = None) -> None:
    """Write a report to a file (whole or not at all), or to stdout."""
    text = json.dumps(value, indent=2, default=str)
    if path is None:
        print(text)
        return
    from ..files import write_whole

    def write(temporary: Path) -> None:
        temporary.write_text(text + "\n", encoding="utf-8")

    write_whole(path, write)


def check_everything_is_here(args: argparse.Namespace, row: "Recipe") -> None:
    """Name all missing files and packages at once, before the first network is loaded.

    Args:
        args: With `models`, `restorer` and `prior`.
        row: What they are for.

    Raises:
        CheckpointNotFoundError: Files are missing.
        MissingDependencyError: Packages are missing.
    """
    from ..preflight import preflight
    from ..weights.folders import fetch_folder, search_folders

    preflight(
        row,
        search_folders(args.models),
        restorer=args.restorer,
        prior=args.prior,
        target=partial(fetch_folder, args.models),
    ).check()
